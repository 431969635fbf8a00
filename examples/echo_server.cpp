/// A TCP echo server in straight-line code: one greenlet a connection. SIGINT or SIGTERM ends it.
///
/// A waiting connection holds no buffer, and one whose peer does not read holds one: it waits in
/// `send_all` while the others go on.
#include <offshoot/hub.hpp>
#include <offshoot/offshoot.hpp>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

namespace {

struct totals {
  std::size_t served = 0;
  std::size_t reset = 0;
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

void serve(std::uint16_t port, const offshoot::options& chosen) {
  offshoot::signal_watcher end_signals{SIGINT, SIGTERM};
  offshoot::spawn([] {}).join();  // from here on the hub is there, and counted
  const long descriptors = open_descriptors();
  const std::size_t greenlets = active_greenlets();

  const auto count = std::make_shared<totals>();
  offshoot::tcp_listener listener(port);
  std::printf("listening on port %d\n", listener.local_port());
  std::fflush(stdout);
  offshoot::spawn([listener = std::move(listener), count, chosen]() mutable {
    for (;;) {
      offshoot::spawn(
          [peer = listener.accept(), count]() mutable { echo(std::move(peer), *count); }, chosen);
    }
  });
  end_signals.wait();
  const std::size_t ended = offshoot::task_count() - 1;  // but for the one that accepts
  offshoot::kill_tasks();
  std::printf("served %zu connections, %zu reset by peers, %zu ended by the signal\n",
              count->served, count->reset, ended);
  std::printf("left over: %zu greenlets, %ld descriptors\n", active_greenlets() - greenlets,
              open_descriptors() - descriptors);
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App options{"Echoes whatever TCP connections send, until SIGINT or SIGTERM"};
  std::uint16_t port = 0;
  std::size_t lanes = 16;
  std::string where = "lane";
  options.add_option("--port", port, "Port to listen at; 0: any free one")->capture_default_str();
  options.add_option("--placement", where, "Where the connections' greenlets run")
      ->check(CLI::IsMember({"lane", "dedicated"}))
      ->capture_default_str();
  options.add_option("--lanes", lanes, "Stacks that lane greenlets share")->capture_default_str();
  CLI11_PARSE(options, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  offshoot::set_lane_count(lanes);
  serve(port,
        {.where = where == "lane" ? offshoot::placement::lane : offshoot::placement::dedicated});
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_server: %s\n", error.what());
  return 1;
}
