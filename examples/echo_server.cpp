/// A TCP echo server in straight-line code: one greenlet a connection, any number of threads.
/// SIGINT or SIGTERM ends it: it stops accepting, lets connections finish for a while, and kills
/// the rest.
///
/// A waiting connection holds no buffer, and one whose peer does not read holds one: it waits in
/// `send_all` while the others go on.
#include <offshoot/hub.hpp>
#include <offshoot/offshoot.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

namespace {

struct plan {
  std::uint16_t port = 0;
  unsigned threads = 1;
  std::size_t lanes = 16;
  offshoot::serve_options serving;
};

struct totals {
  std::size_t served = 0;
  std::size_t reset = 0;
  std::size_t killed = 0;
  std::size_t greenlets_left = 0;
};

void echo(offshoot::tcp_stream peer, totals& count) try {
  ++count.served;
  while (const auto got = peer.receive()) peer.send_all(got.bytes());
} catch (const std::system_error&) {
  ++count.reset;  // the peer went away in the middle
}

long open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

std::size_t active_greenlets() {
  std::size_t count = 0;
  offshoot::for_each_greenlet([&](const offshoot::greenlet&) { ++count; });
  return count;
}

/// The first to listen says so: from here on peers are accepted.
void announce(const offshoot::shared_port& port) {
  static std::once_flag said;
  std::call_once(said, [&] {
    std::printf("listening on port %d\n", port.number());
    std::fflush(stdout);
  });
}

/// What one thread does.
totals serve(const offshoot::shared_port& port, const plan& how, std::stop_token stop) {
  totals count;
  offshoot::set_lane_count(how.lanes);
  offshoot::spawn([] {}).join();  // from here on the hub is there, and counted
  const std::size_t before = active_greenlets();
  offshoot::serve_options serving = how.serving;
  serving.stop = std::move(stop);
  auto listener = port.listen();
  announce(port);
  count.killed = offshoot::serve(
      std::move(listener), [&count](offshoot::tcp_stream peer) { echo(std::move(peer), count); },
      serving);
  count.greenlets_left = active_greenlets() - before;
  return count;
}

void serve_on_threads(const plan& how) {
  offshoot::signal_watcher end_signals{SIGINT, SIGTERM};
  offshoot::spawn([] {}).join();
  const long descriptors = open_descriptors();
  totals all;
  {
    const offshoot::shared_port port(how.port);
    std::stop_source stop;
    offshoot::group signals;
    signals.spawn([&] {
      for (;;) {
        end_signals.wait();
        stop.request_stop();
      }
    });
    std::mutex adding;
    offshoot::run_on_threads(how.threads,
                             [&](unsigned, std::stop_token stopping) {
                               const totals here = serve(port, how, std::move(stopping));
                               const std::lock_guard lock(adding);
                               all.served += here.served;
                               all.reset += here.reset;
                               all.killed += here.killed;
                               all.greenlets_left += here.greenlets_left;
                             },
                             {.stop = stop.get_token()});
    signals.kill();
  }
  std::printf("served %zu connections, %zu reset by peers, %zu ended by the signal\n", all.served,
              all.reset, all.killed);
  std::printf("left over: %zu greenlets, %ld descriptors\n", all.greenlets_left,
              open_descriptors() - descriptors);
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App options{"Echoes whatever TCP connections send, until SIGINT or SIGTERM"};
  plan how;
  double grace = 1;
  std::string where = "lane";
  options.add_option("--port", how.port, "Port to listen at; 0: any free one")
      ->capture_default_str();
  options.add_option("--threads", how.threads, "Threads that serve; 0: one for each CPU")
      ->capture_default_str();
  options.add_option("--grace", grace, "Seconds that connections have to finish after the signal")
      ->capture_default_str();
  options.add_option("--placement", where, "Where the connections' greenlets run")
      ->check(CLI::IsMember({"lane", "dedicated"}))
      ->capture_default_str();
  options.add_option("--lanes", how.lanes, "Stacks that a thread's lane greenlets share")
      ->capture_default_str();
  CLI11_PARSE(options, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  how.serving.grace =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(grace));
  if (where == "dedicated") how.serving.connections.where = offshoot::placement::dedicated;
  serve_on_threads(how);
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_server: %s\n", error.what());
  return 1;
}
