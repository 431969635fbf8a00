/// Signals as something to wait for.
#include <chrono>
#include <csignal>
#include <system_error>

#include <unistd.h>

#include "hub/fixture.hpp"

using offshoot::signal_watcher;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;

namespace {

bool is_blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

}  // namespace

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
