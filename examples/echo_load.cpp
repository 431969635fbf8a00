/// Load for echo_server, from the outside: every connection sends a message, waits for all of it,
/// compares each byte, and sends the next. Or, with --idle: opens connections that echo once and
/// then keep still, and tells what each costs the server.
#include <offshoot/hub.hpp>
#include <offshoot/offshoot.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <sys/resource.h>

namespace {

using clock = std::chrono::steady_clock;

struct plan {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t connections = 50;
  std::size_t bytes = 512;
  double seconds = 5;
  std::uint64_t seed = 1;
  std::size_t idle = 0;
  int server_pid = 0;
};

struct results {
  std::vector<std::uint32_t> latencies;  ///< nanoseconds, one a message
  std::size_t errors = 0;
  std::string first_error;
};

/// A random sequence that is cheap beside a system call: a counter, its bits mixed.
class random_words {
 public:
  explicit random_words(std::uint64_t seed) : state_(seed << 32U) {}
  std::uint64_t operator()() noexcept {
    std::uint64_t mixed = ++state_ * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ mixed >> 32U) * 0xd6e8feb86659fd93U;
    return mixed ^ mixed >> 32U;
  }

 private:
  std::uint64_t state_;
};

/// One connection with contents of its own.
class echoing {
 public:
  echoing(const plan& how, std::uint64_t seed)
      : random_(seed),
        sent_(how.bytes),
        echoed_(how.bytes),
        stream_(offshoot::tcp_stream::connect(how.address, how.port)) {}

  /// Sends a fresh message and returns when it has come back; throws if it comes back changed.
  void once() {
    for (std::span<std::byte> rest(sent_); !rest.empty();) {
      const std::uint64_t word = random_();
      const std::size_t bytes = std::min(sizeof word, rest.size());
      std::memcpy(rest.data(), &word, bytes);
      rest = rest.subspan(bytes);
    }
    stream_.send_all(sent_);
    for (std::span<std::byte> rest(echoed_); !rest.empty();) {
      const std::size_t got = stream_.receive_some(rest);
      if (got == 0) throw std::runtime_error("the server closed the connection");
      rest = rest.subspan(got);
    }
    if (echoed_ != sent_) throw std::runtime_error("a message came back changed");
  }

 private:
  random_words random_;
  std::vector<std::byte> sent_;
  std::vector<std::byte> echoed_;
  offshoot::tcp_stream stream_;
};

void note_error(results& into, const std::exception& error) {
  if (into.errors++ == 0) into.first_error = error.what();
}

std::vector<echoing> open_all(const plan& how, std::size_t count) {
  std::vector<echoing> opened;
  opened.reserve(count);
  for (std::size_t each = 0; each < count; ++each) opened.emplace_back(how, how.seed + each);
  return opened;
}

void drive(echoing& connection, clock::time_point end, results& into) try {
  for (auto begun = clock::now(); begun < end;) {
    connection.once();
    const auto done = clock::now();
    into.latencies.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(done - begun).count()));
    begun = done;
  }
} catch (const std::exception& error) {
  note_error(into, error);
}

double percentile(std::vector<std::uint32_t>& latencies, double part) {
  const auto at = static_cast<std::size_t>(static_cast<double>(latencies.size() - 1) * part);
  const auto found = latencies.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(latencies.begin(), found, latencies.end());
  return *found / 1e3;
}

int run_load(const plan& how) {
  std::vector<echoing> connections = open_all(how, how.connections);
  results total;
  const auto start = clock::now();
  const auto end = start + std::chrono::duration_cast<clock::duration>(
                               std::chrono::duration<double>(how.seconds));
  std::vector<offshoot::task<void>> running;
  for (echoing& each : connections) {
    running.push_back(offshoot::spawn([&each, end, &total] { drive(each, end, total); }));
  }
  for (const auto& each : running) each.join();
  const double took = std::chrono::duration<double>(clock::now() - start).count();

  auto& latencies = total.latencies;
  std::printf("%zu connections, %zu bytes a message, %.1f s\n", how.connections, how.bytes, took);
  if (!latencies.empty()) {
    std::printf("echoes: %zu (%.0f/s), latency p50 %.0f us, p99 %.0f us\n", latencies.size(),
                static_cast<double>(latencies.size()) / took, percentile(latencies, 0.5),
                percentile(latencies, 0.99));
  }
  std::printf("errors: %zu%s%s\n", total.errors, total.errors != 0 ? ", first: " : "",
              total.first_error.c_str());
  return total.errors == 0 && !latencies.empty() ? 0 : 1;
}

/// Resident bytes of a process, to the byte where the kernel tells.
std::size_t resident_bytes(int pid) {
  std::ifstream rollup("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; rollup >> word;) {
    std::size_t kilobytes = 0;
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes * 1024;
  }
  throw std::runtime_error("cannot read the memory of process " + std::to_string(pid));
}

int run_idle(const plan& how) {
  // Once, and over: what the server needs for its first connection is not counted.
  { open_all(how, 1).front().once(); }
  const std::size_t before = resident_bytes(how.server_pid);
  std::vector<echoing> connections = open_all(how, how.idle);
  for (echoing& each : connections) each.once();
  const std::size_t after = resident_bytes(how.server_pid);
  std::printf("%zu idle connections, each after one echo of %zu bytes\n", how.idle, how.bytes);
  std::printf("resident bytes per idle connection: %.0f\n",
              static_cast<double>(after - before) / static_cast<double>(how.idle));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  plan how;
  CLI::App options{"Drives an echo server and compares every byte that comes back"};
  options.add_option("--address", how.address, "Numeric address of the server")
      ->capture_default_str();
  options.add_option("--port", how.port, "Port of the server")->required();
  options.add_option("--connections", how.connections, "Connections at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  options.add_option("--bytes", how.bytes, "Bytes a message")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  options.add_option("--seconds", how.seconds, "How long to drive it")->capture_default_str();
  options.add_option("--seed", how.seed, "Of the contents")->capture_default_str();
  auto* const pid =
      options.add_option("--server-pid", how.server_pid, "Process whose memory to read");
  options.add_option("--idle", how.idle, "Measure this many idle connections instead")->needs(pid);
  CLI11_PARSE(options, argc, argv);

  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  return how.idle != 0 ? run_idle(how) : run_load(how);
} catch (const std::exception& error) {
  std::fprintf(stderr, "echo_load: %s\n", error.what());
  return 1;
}
