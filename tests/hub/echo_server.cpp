/// The real echo server as a child process, driven over real sockets, and its load generator. Their
/// paths come in the environment: ECHO_SERVER, ECHO_LOAD.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::tcp_stream;
using test::bytes_of;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

/// What starts the program that this variable names: in the emulator that this one runs in, if it
/// does.
std::vector<std::string> command_of(const char* variable) {
  const char* const emulator = std::getenv("MESON_EXE_WRAPPER");
  const char* const path = std::getenv(variable);
  REQUIRE(path != nullptr);
  std::istringstream words(emulator != nullptr ? emulator : "");
  std::vector<std::string> command{std::istream_iterator<std::string>(words), {}};
  command.emplace_back(path);
  return command;
}

/// The program, from its start to its end.
class server {
 public:
  explicit server(const std::vector<std::string>& options) {
    std::vector<std::string> command = command_of("ECHO_SERVER");
    command.insert(command.end(), options.begin(), options.end());
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      std::vector<char*> arguments;
      for (std::string& each : command) arguments.push_back(each.data());
      arguments.push_back(nullptr);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    ::close(ends[1]);
    output_ = fdopen(ends[0], "r");
    int read_port = 0;
    REQUIRE(std::fscanf(output_, "listening on port %d", &read_port) == 1);
    REQUIRE(std::fgetc(output_) == '\n');
    port = static_cast<std::uint16_t>(read_port);
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    std::fclose(output_);
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  void tell(int signal) const { kill(pid_, signal); }

  /// Ends it by a signal, and returns what it had to say.
  std::string end(int signal) {
    tell(signal);
    return rest();
  }

  /// Waits for its end, and returns what it had to say.
  std::string rest() {
    std::string all;
    for (int byte = 0; (byte = std::fgetc(output_)) != EOF;) all += static_cast<char>(byte);
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    return all;
  }

  std::size_t resident_pages() const {
    std::size_t total = 0;
    std::size_t resident = 0;
    FILE* file = std::fopen(("/proc/" + std::to_string(pid_) + "/statm").c_str(), "r");
    REQUIRE(file != nullptr);
    REQUIRE(std::fscanf(file, "%zu %zu", &total, &resident) == 2);
    std::fclose(file);
    return resident;
  }

  std::uint16_t port = 0;

 private:
  pid_t pid_ = 0;
  FILE* output_ = nullptr;
};

bool echoes(tcp_stream& stream, std::size_t bytes, std::uint32_t seed) {
  const auto sent = test::random_bytes(bytes, seed);
  stream.send_all(sent);
  std::vector<std::byte> back(bytes);
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t got = stream.receive_some(std::span(back).subspan(at));
    if (got == 0) return false;
    at += got;
  }
  return back == sent;
}

/// Runs the load generator while the hub goes on; its exit status.
int run_load(const std::string& options) {
  std::string command;
  for (const std::string& word : command_of("ECHO_LOAD")) command += word + ' ';
  command += options + " >/dev/null";
  int status = -1;
  const auto waiter = spawn([] { offshoot::sleep_for(std::chrono::hours(1)); });
  std::thread runner([&status, &command, waiter, home = offshoot::hub::current()] {
    status = std::system(command.c_str());
    home.post([waiter] { waiter.kill(); });
  });
  waiter.join();
  runner.join();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "the load generator is content with the echo server") {
  run_in_time([] {
    server program({});
    const std::string port = " --port " + std::to_string(program.port);
    CHECK(run_load("--connections 20 --bytes 3000 --seconds 0.2" + port) == 0);
    CHECK(program.end(SIGTERM).find("served 20 connections, 0 reset") == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "the load generator sees one wrong byte, and a lost connection") {
  run_in_time([] {
    for (const bool loses : {false, true}) {
      offshoot::tcp_listener listener(0);
      const std::string port = " --port " + std::to_string(listener.local_port());
      const auto liar = spawn([listener = std::move(listener), loses]() mutable {
        auto peer = listener.accept();
        std::size_t seen = 0;
        while (auto got = peer.receive()) {
          if (seen < 2000 && seen + got.size() >= 2000) {
            if (loses) return;
            got.data()[0] ^= std::byte{1};
          }
          seen += got.size();
          peer.send_all(got.bytes());
        }
      });
      CHECK(run_load("--connections 1 --bytes 100 --seconds 20" + port) == 1);
      liar.join();
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the echo server serves many clients and ends cleanly") {
  const std::vector<std::vector<std::string>> configurations{
      {}, {"--lanes", "1"}, {"--placement", "dedicated"}, {"--threads", "3"}};
  for (const auto& options : configurations) {
    run_in_time([&options] {
      server program(options);
      std::vector<offshoot::task<int>> clients;
      for (std::uint32_t seed = 0; seed < 100; ++seed) {
        clients.push_back(spawn([port = program.port, seed] {
          auto stream = tcp_stream::connect("127.0.0.1", port);
          int good = 0;
          for (std::uint32_t round = 0; round < 10; ++round) {
            good += echoes(stream, 1 + (seed * 613 + round * 257) % 40'000, seed) ? 1 : 0;
          }
          return good;
        }));
      }
      for (const auto& each : clients) CHECK(each.join() == 10);
      auto open = tcp_stream::connect("127.0.0.1", program.port);
      CHECK(echoes(open, 100, 1));
      const std::string said = program.end(SIGTERM);
      CHECK(said ==
            "served 101 connections, 0 reset by peers, 1 ended by the signal\n"
            "left over: 0 greenlets, 0 descriptors\n");
      CHECK(open.receive().empty());
    });
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "after the signal connections finish, but no new ones come") {
  run_in_time([] {
    server program({"--threads", "2", "--grace", "20"});
    std::vector<tcp_stream> open;
    for (int each = 0; each < 20; ++each) {
      open.push_back(tcp_stream::connect("127.0.0.1", program.port));
      CHECK(echoes(open.back(), 100, 1));
    }
    program.tell(SIGTERM);
    const auto connects = [port = program.port] {
      return test::error_of([&] { tcp_stream::connect("127.0.0.1", port); }).value() !=
             ECONNREFUSED;
    };
    while (connects()) offshoot::yield();
    program.tell(SIGTERM);  // once more: no harm
    for (tcp_stream& each : open) CHECK(echoes(each, 100, 2));
    open.clear();
    const std::string said = program.rest();
    CHECK(said.find(" 0 ended by the signal\nleft over: 0 greenlets, 0 descriptors\n") !=
          std::string::npos);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the echo server survives half-closes, resets and trickles") {
  run_in_time([] {
    server program({});
    {
      auto half = tcp_stream::connect("127.0.0.1", program.port);
      half.send_all(bytes_of("to the end"));
      half.shutdown_send();
      CHECK(test::receive_all(half).size() == 10);
    }
    {
      test::raw_peer rude(program.port);
      rude.send("bye");
      rude.reset();
    }
    {
      test::raw_peer silent(program.port);  // goes without a word
    }
    auto slow = tcp_stream::connect("127.0.0.1", program.port);
    for (const char letter : std::string("one byte at a time")) {
      slow.send_all(bytes_of({&letter, 1}));
      CHECK(slow.receive().text() == std::string(1, letter));
    }
    const std::string said = program.end(SIGINT);
    CHECK(said.find("served 4 connections") == 0);
    CHECK(said.find("1 ended by the signal") != std::string::npos);
    CHECK(said.find("left over: 0 greenlets, 0 descriptors\n") != std::string::npos);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "peers that never read cost the echo server no memory to speak of") {
  run_in_time([] {
    server program({});
    auto polite = tcp_stream::connect("127.0.0.1", program.port);
    CHECK(echoes(polite, 1000, 1));
    const std::size_t before = program.resident_pages();
    std::vector<offshoot::task<void>> floods;
    for (int each = 0; each < 10; ++each) {
      floods.push_back(spawn([port = program.port] {
        auto stream = tcp_stream::connect("127.0.0.1", port);
        const std::vector<std::byte> chunk(1 << 20);
        for (;;) stream.send_all(chunk);
      }));
    }
    for (std::uint32_t round = 0; round < 500; ++round) CHECK(echoes(polite, 512, round));
    // Each may hold one buffer of 16 KiB; all of what was sent, had it been kept, is tens of MiB.
    CHECK(program.resident_pages() - before < 10 * 16 + 200);
    for (const auto& each : floods) {
      CHECK_FALSE(each.done());
      each.kill();
      each.join();
    }
    const std::string said = program.end(SIGTERM);
    CHECK(said.find("served 11 connections") == 0);
    CHECK(said.find("left over: 0 greenlets, 0 descriptors\n") != std::string::npos);
  });
}
