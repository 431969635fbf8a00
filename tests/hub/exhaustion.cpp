/// Sockets and timers when the system has run out: of descriptors for real, of memory by an
/// operator new that fails as told. Nothing that has come may be lost.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"
#include "hub/output.hpp"
#include "hub/timers.hpp"

using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::tcp_stream;
using test::bytes_of;
using test::connect_pair;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

bool no_buffers = false;
int buffers_made = 0;
bool watches_fail = false;
std::atomic<int> allocations_of_a_thread{-1};
/// How many more allocations succeed on this thread; negative: all.
thread_local int allocations_left = allocations_of_a_thread;

/// Lets the process open no descriptor more than there are.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int next = dup(STDERR_FILENO);  // the lowest that is free
    REQUIRE(next >= 0);
    ::close(next);
    rlimit less = before_;
    less.rlim_cur = static_cast<rlim_t>(next);
    REQUIRE(setrlimit(RLIMIT_NOFILE, &less) == 0);
  }
  ~no_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* const made = std::malloc(size)) return made;
  throw std::bad_alloc();
}
// Not inline: to g++ free() looks like a mistake where it sees the memory come from operator new.
[[gnu::noinline]] void operator delete(void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* const made = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return made;
  throw std::bad_alloc();
}
// AddressSanitizer's own would not call those two.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  try {
    return operator new(size, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  std::free(block);
}
void* operator new[](std::size_t size) {
  if (size >= offshoot::buffer::capacity) {
    if (no_buffers) throw std::bad_alloc();
    ++buffers_made;
  }
  if (void* const made = std::malloc(size)) return made;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete[](void* block) noexcept {
  std::free(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept {
  std::free(block);
}

/// In place of the system's: there is a limit to how many descriptors a user's epolls watch.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* wanted) noexcept {
  if (watches_fail && operation == EPOLL_CTL_ADD) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, operation, fd, wanted));
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "without descriptors peers wait; with the first free one, not") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer peer(listener.local_port());
    const auto acceptor = spawn([&listener] { return listener.accept().is_open(); });
    {
      const no_descriptors limit;
      offshoot::sleep_for(std::chrono::milliseconds(50));  // more than one attempt
      CHECK_FALSE(acceptor.done());
    }
    CHECK(acceptor.join());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "without descriptors nothing new is opened, what is open goes on") {
  run_in_time([] {
    auto ends = connect_pair();
    tcp_listener listener(0);
    const auto port = listener.local_port();
    auto [one, other] = offshoot::unix_stream::make_pair();
    one.send_descriptor(STDERR_FILENO);
    {
      const no_descriptors limit;
      CHECK(error_of([port] { tcp_stream::connect("127.0.0.1", port); }).value() == EMFILE);
      CHECK(error_of([] { tcp_listener second(0); }).value() == EMFILE);
      CHECK(error_of([] { offshoot::udp_socket second; }).value() == EMFILE);
      CHECK(error_of([] { offshoot::pipe::make(); }).value() == EMFILE);
      CHECK(error_of([] { offshoot::unix_stream::make_pair(); }).value() == EMFILE);
      CHECK(error_of([&end = other] { end.receive_descriptor(); }).value() == EMFILE);
      ends.client.send_all(bytes_of("still here"));
      CHECK(ends.server.receive().text() == "still here");
    }
    CHECK(tcp_stream::connect("127.0.0.1", port).is_open());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "without a buffer what has come stays where it is") {
  run_in_time([] {
    auto ends = connect_pair();
    offshoot::reader from(ends.server);
    ends.client.send_all(bytes_of("patience"));
    {
      // All that the pool holds, so that there is none to be had.
      std::vector<offshoot::buffer> all(100);
      for (auto& each : all) each = offshoot::buffer::lease();
      no_buffers = true;
      CHECK_THROWS_AS(ends.server.receive(), std::bad_alloc);
      CHECK_THROWS_AS(from.read_until("e"), std::bad_alloc);
      no_buffers = false;
    }
    CHECK(ends.server.receive().text() == "patience");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "without memory a select leaves all its cases as they were") {
  run_in_time([] {
    auto ends = connect_pair();
    const offshoot::channel<std::unique_ptr<int>> near;
    const offshoot::shared_channel<std::unique_ptr<int>> far;
    const offshoot::shared_channel<int> numbers;
    int failures = 0;
    for (int memory = 0;; ++memory) {
      REQUIRE(memory < 100);
      auto one = std::make_unique<int>(1);
      auto two = std::make_unique<int>(2);
      bool failed = false;
      std::size_t chosen = 0;
      allocations_left = memory;
      try {
        chosen = offshoot::select(
            on_readable(ends.server, [] {}), on_send(near, std::move(one), [] {}),
            on_send(far, std::move(two), [] {}), on_receive(numbers, [](std::optional<int>) {}),
            offshoot::on_timeout(std::chrono::microseconds(1), [] {}));
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      allocations_left = -1;
      CHECK((one != nullptr && *one == 1));
      CHECK((two != nullptr && *two == 2));
      CHECK(near.try_receive() == std::nullopt);
      CHECK(far.try_receive() == std::nullopt);
      CHECK_FALSE(numbers.try_send(1));
      failures += failed ? 1 : 0;
      if (failed) continue;
      CHECK(chosen == 4);
      break;
    }
    CHECK(failures >= 2);  // nodes of the channels between threads, at least
    ends.client.send_all(bytes_of("x"));
    CHECK(offshoot::select(on_readable(ends.server, [] {})) == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "bytes that come one by one do not take a buffer each") {
  run_in_time([] {
    auto ends = connect_pair();
    offshoot::reader from(ends.server);
    const auto reading = spawn([&from] { return from.read_until("\n"); });
    constexpr std::size_t bytes = 300;  // more than a pool of buffers has
    const int before = buffers_made;
    for (std::size_t sent = 1; sent <= bytes; ++sent) {
      ends.client.send_all(bytes_of("x"));
      while (from.kept() != sent) offshoot::yield();
    }
    CHECK(buffers_made - before <= 2);
    ends.client.send_all(bytes_of("\n"));
    CHECK(reading.join() == std::string(bytes, 'x') + "\n");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "without memory a group starts no task that it does not have") {
  run_in_time([] {
    const std::size_t others = offshoot::task_count();
    int failures = 0;
    for (int memory = 0;; ++memory) {
      REQUIRE(memory < 100);
      offshoot::group members;
      bool failed = false;
      allocations_left = memory;
      try {
        members.spawn([] {});
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      allocations_left = -1;
      CHECK(members.size() == (failed ? 0U : 1U));
      CHECK(offshoot::task_count() == others + members.size());
      if (!failed) break;
      ++failures;
    }
    CHECK(failures >= 3);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "where no more can be watched the next peers wait") {
  run_in_time([] {
    if (offshoot::reactor_name() != "epoll") return;
    tcp_listener listener(0);
    const test::raw_peer lost(listener.local_port());
    const auto acceptor = spawn([&listener] { return listener.accept().is_open(); });
    watches_fail = true;
    char byte = 0;
    while (recv(lost.fd(), &byte, 1, MSG_DONTWAIT) != 0)
      offshoot::sleep_for(std::chrono::milliseconds(1));
    CHECK_FALSE(acceptor.done());
    watches_fail = false;
    const test::raw_peer peer(listener.local_port());
    CHECK(acceptor.join());
  });
}

TEST_CASE("without memory a timer is armed or left as it was; those that are can be moved") {
  constexpr offshoot::detail::instant soon = 10;
  std::vector<offshoot::detail::timer_node> nodes(1000);
  offshoot::detail::timer_heap heap;
  int failures = 0;
  for (auto& each : nodes) {
    for (int memory = 0; each.slot == each.none; ++memory) {
      REQUIRE(memory < 10);
      const std::size_t held = heap.size();
      allocations_left = memory;
      try {
        heap.arm(each, 1000);
      } catch (const std::bad_alloc&) {
        ++failures;
        CHECK_FALSE(each.armed);
        CHECK(heap.size() == held);
      }
      allocations_left = -1;
    }
  }
  CHECK(failures >= 5);  // each of its arrays
  allocations_left = 0;
  for (auto& each : nodes) heap.arm(each, 2000);
  for (auto& each : nodes) heap.arm(each, soon);
  std::size_t come = 0;
  for (; heap.expire(soon) != nullptr; ++come) continue;
  for (auto& each : nodes) heap.arm(each, soon);
  for (auto& each : nodes) heap.remove(each);
  for (auto& each : nodes) heap.arm(each, soon);  // in the room of those before
  allocations_left = -1;
  CHECK(come == nodes.size());
  CHECK(heap.size() == nodes.size());
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a monitor without memory has the tree written all the same") {
  run_in_time([] {
    const test::output written;
    allocations_of_a_thread = 0;
    {
      const offshoot::hub_monitor monitor({.dump_signal = SIGUSR2, .fd = written.fd});
      kill(getpid(), SIGUSR2);
      while (written.text().empty()) offshoot::sleep_for(std::chrono::milliseconds(1));
    }
    allocations_of_a_thread = -1;
  });
}
