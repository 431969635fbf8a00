/// Signals as something to wait for.
#include <chrono>
#include <csignal>
#include <memory>
#include <system_error>

#include <unistd.h>

#include "hub/fixture.hpp"

using offshoot::signal_watcher;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;
using test::is_blocked;

TEST_CASE_FIXTURE(hub_leaves_nothing, "a signal wakes who waits for it") {
  signal_watcher watcher{SIGUSR1, SIGTERM};
  const auto waiter = spawn([&watcher] { return watcher.wait(); });
  yield();
  kill(getpid(), SIGTERM);
  CHECK(test::join_in_time(waiter) == SIGTERM);
  kill(getpid(), SIGUSR1);  // before anybody waits
  CHECK(watcher.wait() == SIGUSR1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the mask is as before when the watcher has gone") {
  CHECK_FALSE(is_blocked(SIGUSR1));
  {
    const signal_watcher watcher{SIGUSR1};
    CHECK(is_blocked(SIGUSR1));
  }
  CHECK_FALSE(is_blocked(SIGUSR1));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "watchers go in any order, and unblock what nobody watches") {
  sigset_t blocked_before;
  sigemptyset(&blocked_before);
  sigaddset(&blocked_before, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &blocked_before, nullptr);
  auto first = std::make_unique<signal_watcher>(std::initializer_list<int>{SIGUSR1, SIGHUP});
  auto second = std::make_unique<signal_watcher>(std::initializer_list<int>{SIGUSR1, SIGUSR2});
  first.reset();
  CHECK(is_blocked(SIGUSR1));
  CHECK(is_blocked(SIGUSR2));
  second.reset();
  CHECK_FALSE(is_blocked(SIGUSR1));
  CHECK_FALSE(is_blocked(SIGUSR2));
  CHECK(is_blocked(SIGHUP));
  pthread_sigmask(SIG_UNBLOCK, &blocked_before, nullptr);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "wait_for_signal can be killed, and others run meanwhile") {
  const auto waiter = spawn([] { return offshoot::wait_for_signal({SIGUSR2}); },
                            {.where = offshoot::placement::dedicated});
  bool ran = false;
  spawn([&ran] { ran = true; });
  yield();
  CHECK(ran);
  waiter.kill();
  CHECK_THROWS_AS(waiter.join(), offshoot::greenlet_error);  // it has no result
  CHECK_FALSE(is_blocked(SIGUSR2));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what is no signal is refused, and so is a second waiter") {
  CHECK_THROWS_AS(signal_watcher({SIGUSR1, 12345}), std::system_error);
  CHECK_FALSE(is_blocked(SIGUSR1));
  signal_watcher watcher{SIGUSR1};
  const auto first = spawn([&watcher] { return watcher.wait(); });
  yield();
  CHECK_THROWS_AS(watcher.wait(), std::system_error);
  kill(getpid(), SIGUSR1);
  CHECK(first.join() == SIGUSR1);
}
