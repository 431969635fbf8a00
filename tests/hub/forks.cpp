/// A hub in the child of a fork, and that its parent does not feel it.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/mailbox.hpp"
#include "hub/network.hpp"
#include "hub/scheduler.hpp"
#include "support/child.hpp"

using offshoot::spawn;
using offshoot::yield;
using test::bytes_of;
using test::hub_leaves_nothing;
using test::in_child;
using test::run_in_time;
using namespace std::chrono_literals;

namespace {

/// What the system says of all epoll instances and eventfds of this process: what they watch, and
/// how often they were written.
std::string kernel_objects() {
  std::string all;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string what = std::filesystem::read_symlink(each.path(), gone).string();
    if (what.find("[event") == std::string::npos) continue;
    std::ostringstream info;
    info << std::ifstream("/proc/self/fdinfo/" + each.path().filename().string()).rdbuf();
    all += each.path().filename().string() + " " + what + "\n" + info.str();
  }
  return all;
}

/// A connection at one end of which a greenlet waits.
struct waited_for {
  test::connection ends = test::connect_pair();
  offshoot::task<std::string> reader;

  waited_for() {
    reader = spawn(
        [end = std::move(ends.server)]() mutable { return std::string(end.receive().text()); });
    while (offshoot::detail::scheduler::here().descriptor_waits == 0) yield();
  }
  bool works() {
    ends.client.send_all(bytes_of("awake"));
    return reader.join() == "awake";
  }
};

/// What must hold whatever a child does.
template <class F>
void check_child(F work) {
  run_in_time([&work] {
    waited_for connection;
    const std::string before = kernel_objects();
    CHECK(in_child([&] { return work(connection); }) == 0);
    CHECK(kernel_objects() == before);
    CHECK(connection.works());
  });
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a child may close what it has got") {
  check_child([](waited_for& connection) {
    connection.ends.client.close();
    const offshoot::tcp_listener listener = std::move(*std::make_unique<offshoot::tcp_listener>(0));
    return 0;
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "S32: a child that kills all tasks takes nothing from the parent") {
  check_child([](waited_for& connection) {
    connection.reader.kill();
    connection.reader.wait();
    return connection.reader.done() ? 0 : 1;
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "S32: a child that exits in an orderly way takes nothing from the parent") {
  auto connection = std::make_unique<waited_for>();
  const std::string before = kernel_objects();
  const int status = in_child([&connection]() -> int {
    connection->ends.client.close();
    std::exit(7);  // unwinds the greenlets of this thread
  });
  CHECK(status == 7);
  CHECK(kernel_objects() == before);
  CHECK(connection->works());
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a child runs a hub of its own") {
  check_child([](waited_for& connection) {
    offshoot::sleep_for(1ms);
    auto own = test::connect_pair();
    own.client.send_all(bytes_of("own"));
    if (own.server.receive().text() != "own") return 1;
    if (spawn([] { return 5; }).join() != 5) return 2;
    std::thread poster([to = offshoot::hub::current(), reader = connection.reader]() mutable {
      to.post([mine = std::move(reader)] { mine.kill(); });
    });
    poster.join();
    connection.reader.wait();  // woken by the post
    return 0;
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "S32: greenlets that wait for a descriptor are woken in the child, too") {
  run_in_time([] {
    waited_for connection;
    CHECK(in_child([&] { return connection.works() ? 0 : 1; }) == 0);
    CHECK_FALSE(connection.reader.done());
    CHECK(connection.works());  // the parent's still waits: the child took what came before
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: the child of a child has a hub as well") {
  check_child([](waited_for&) {
    offshoot::sleep_for(1ms);
    return in_child([] {
      offshoot::sleep_for(1ms);
      return 0;
    });
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a child that has no descriptors left has a hub") {
  check_child([](waited_for&) {
    const int first_free = dup(0);
    ::close(first_free);
    rlimit none{};
    getrlimit(RLIMIT_NOFILE, &none);
    none.rlim_cur = static_cast<rlim_t>(first_free);
    if (setrlimit(RLIMIT_NOFILE, &none) != 0 || dup(0) >= 0) return 1;
    offshoot::sleep_for(1ms);
    return 0;
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: posts in the child are for the child") {
  class note final : public offshoot::detail::letter {
    void open(offshoot::detail::scheduler&) noexcept override {}
    void refuse() noexcept override {}
  } letter;
  offshoot::detail::mailbox of_a_thread;  // that does not come along
  REQUIRE(of_a_thread.fall_asleep());
  const int status = in_child([&] {
    const bool taken = of_a_thread.post(letter);
    of_a_thread.wake();
    return taken ? 1 : 0;
  });
  CHECK(status == 0);
  std::uint64_t wake_ups = 0;
  CHECK(read(of_a_thread.wake_descriptor(), &wake_ups, sizeof wake_ups) < 0);
  CHECK(of_a_thread.post(letter));
  CHECK(read(of_a_thread.wake_descriptor(), &wake_ups, sizeof wake_ups) == sizeof wake_ups);
  of_a_thread.take();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a watcher tells each process of its own signals") {
  run_in_time([] {
    offshoot::signal_watcher watcher{SIGUSR1};
    const int status = in_child([&] {
      kill(getpid(), SIGUSR1);
      return watcher.wait() == SIGUSR1 ? 0 : 1;
    });
    CHECK(status == 0);
    CHECK_FALSE(offshoot::with_timeout(1ms, [&] { watcher.wait(); }));
    kill(getpid(), SIGUSR1);
    CHECK(watcher.wait() == SIGUSR1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "S32: a pool's threads stay with the parent, and the child says so") {
  run_in_time([] {
    auto pool = std::make_unique<offshoot::thread_pool>();
    CHECK(pool->run([] { return 3; }) == 3);
    const int status = in_child([&] {
      try {
        pool->run([] {});
        return 1;
      } catch (const offshoot::greenlet_error&) {
      }
      pool.reset();  // waits for nobody
      offshoot::thread_pool own;
      return own.run([] { return 0; });
    });
    CHECK(status == 0);
    CHECK(pool->run([] { return 4; }) == 4);
    pool.reset();
    test::let_posts_run();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "S32: who waits for threads that stay with the parent can be killed") {
  run_in_time([] {
    std::stop_source source;
    const auto begun = std::make_shared<std::atomic<int>>(0);
    const auto waiter = spawn([stop = source.get_token(), begun] {
      offshoot::run_on_threads(2,
                               [begun](unsigned, const std::stop_token& stopping) {
                                 ++*begun;
                                 offshoot::wait_for_stop(stopping);
                               },
                               {.stop = stop});
    });
    while (*begun < 2) yield();
    const int status = in_child([&] {
      waiter.kill();
      waiter.wait();
      int calls = 0;
      offshoot::run_on_threads(1, [&calls](unsigned, const std::stop_token&) { ++calls; });
      return calls == 1 ? 0 : 1;
    });
    CHECK(status == 0);
    source.request_stop();
    waiter.join();
  });
}
