/// Listeners, and what they do when the system runs out of something. The system's accept4 is
/// replaced here by one that fails as told and counts.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include <sys/syscall.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::yield;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

int failures_left = 0;
int failure = 0;
int calls = 0;

void fail_next(int times, int error) {
  failures_left = times;
  failure = error;
  calls = 0;
}

}  // namespace

extern "C" int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  ++calls;
  if (failures_left > 0) {
    --failures_left;
    errno = failure;
    return -1;
  }
  return static_cast<int>(syscall(SYS_accept4, fd, address, size, flags));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "out of descriptors, accept pauses and tries again") {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    run_in_time([error] {
      tcp_listener listener(0);
      const test::raw_peer peer(listener.local_port());
      fail_next(3, error);
      const auto start = std::chrono::steady_clock::now();
      const auto accepted = listener.accept();
      CHECK(accepted.is_open());
      CHECK(calls == 4);
      CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(60));
    });
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "while accept pauses others run, and new peers do not hurry it") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer first(listener.local_port());
    fail_next(1'000'000, EMFILE);
    const auto acceptor = spawn([&listener] { return listener.accept().is_open(); });
    while (calls == 0) yield();
    const auto start = std::chrono::steady_clock::now();
    for (int more = 0; more < 10; ++more) {
      const test::raw_peer next(listener.local_port());
      offshoot::sleep_for(std::chrono::milliseconds(1));  // its event is looked at
    }
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(calls <= 2 + took / std::chrono::milliseconds(20));
    fail_next(0, 0);
    CHECK(acceptor.join());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a listener can be closed while accept waits or pauses") {
  run_in_time([] {
    for (const bool pauses : {false, true}) {
      tcp_listener listener(0);
      std::unique_ptr<test::raw_peer> peer;
      if (pauses) {
        peer = std::make_unique<test::raw_peer>(listener.local_port());
        fail_next(1'000'000, EMFILE);
      }
      const auto acceptor = spawn([&listener] {
        try {
          listener.accept();
        } catch (const std::system_error& error) {
          return error.code().value();
        }
        return 0;
      });
      yield();
      listener.close();
      CHECK(acceptor.join() == ECANCELED);
      fail_next(0, 0);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a connection that failed before it was accepted is passed over") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer peer(listener.local_port());
    fail_next(1, ECONNABORTED);
    CHECK(listener.accept().is_open());
    fail_next(1, EINVAL);
    const test::raw_peer other(listener.local_port());
    CHECK_THROWS_WITH_AS(listener.accept(), "offshoot: accept: Invalid argument",
                         std::system_error);
    fail_next(0, 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a port that is in use is refused by name") {
  run_in_time([] {
    const tcp_listener first(0);
    try {
      const tcp_listener second(first.local_port());
      FAIL_CHECK("two listeners at one port");
    } catch (const std::system_error& error) {
      CHECK(error.code().value() == EADDRINUSE);
      CHECK(std::string(error.what()).find("127.0.0.1:" + std::to_string(first.local_port())) !=
            std::string::npos);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "peers that come in a burst are all accepted") {
  run_in_time([] {
    tcp_listener listener(0);
    std::vector<test::raw_peer> peers;
    for (int each = 0; each < 100; ++each) peers.emplace_back(listener.local_port());
    std::vector<offshoot::tcp_stream> accepted;
    for (int each = 0; each < 100; ++each) accepted.push_back(listener.accept());
    CHECK(accepted.size() == 100);
  });
}
