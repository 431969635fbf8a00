/// Signals in virtual time: those that a program raises in its simulation, and no others.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using namespace std::chrono_literals;
using offshoot::signal_watcher;
using offshoot::simulate_signal;
using offshoot::spawn;
using offshoot::yield;
using test::error_of;

namespace {

/// Runs `program` on a thread with a simulated hub.
template <class F>
void simulate(F program, const offshoot::simulation& chosen = {}) {
  std::thread([&] {
    offshoot::start_hub({.reactor = "virtual", .simulated = chosen});
    program();
    CHECK(offshoot::task_count() == 0);
  }).join();
}

volatile std::sig_atomic_t really_came = 0;

}  // namespace

TEST_CASE("a simulated signal comes when it is raised, in virtual time") {
  simulate([] {
    const auto begin = offshoot::hub_clock::now();
    const auto operator_task = spawn([] {
      offshoot::sleep_for(1h);
      return simulate_signal(SIGTERM);
    });
    CHECK(offshoot::wait_for_signal({SIGINT, SIGTERM}) == SIGTERM);
    const auto passed = offshoot::hub_clock::now() - begin;
    CHECK(passed >= 1h);
    CHECK(passed < 1h + 1ms);
    CHECK(operator_task.join());
  });
}

TEST_CASE("what nobody has taken is pending: once, lowest first, real-time signals each") {
  simulate([] {
    signal_watcher watcher{SIGUSR1, SIGUSR2, SIGHUP, SIGRTMIN};
    for (const int signal : {SIGUSR2, SIGRTMIN, SIGHUP, SIGUSR2, SIGRTMIN}) {
      CHECK(simulate_signal(signal));
    }
    std::vector<int> taken;
    while (const auto got = offshoot::with_timeout(1ms, [&] { return watcher.wait(); })) {
      taken.push_back(*got);
    }
    CHECK(taken == std::vector<int>{SIGHUP, SIGUSR2, SIGRTMIN, SIGRTMIN});
  });
}

TEST_CASE("a signal that nobody watches for changes nothing, then or later") {
  simulate([] {
    CHECK_FALSE(simulate_signal(SIGUSR1));
    {
      const signal_watcher watcher{SIGUSR1, SIGKILL};
      CHECK_FALSE(simulate_signal(SIGUSR2));
      CHECK_FALSE(simulate_signal(SIGKILL));  // which nobody can watch
      CHECK(simulate_signal(SIGUSR1));
    }
    signal_watcher watcher{SIGUSR1, SIGUSR2};
    CHECK_THROWS_AS(watcher.wait(), offshoot::would_block_forever);
  });
}

TEST_CASE("of two watchers one gets the signal, and one that is made later what is pending") {
  simulate([] {
    signal_watcher first{SIGUSR1};
    signal_watcher second{SIGUSR1, SIGUSR2};
    std::vector<int> got;
    const auto one = spawn([&] { got.push_back(first.wait()); });
    const auto other = spawn([&] { got.push_back(second.wait()); });
    yield();
    CHECK(simulate_signal(SIGUSR1));
    offshoot::sleep_for(1ms);
    CHECK(got == std::vector<int>{SIGUSR1});
    CHECK(one.done() != other.done());
    CHECK(simulate_signal(SIGUSR1));
    one.join();
    other.join();
    CHECK(simulate_signal(SIGUSR2));
    CHECK(offshoot::wait_for_signal({SIGUSR2}) == SIGUSR2);
  });
}

TEST_CASE("who waits can be killed, there is one at a time, and false events deceive nobody") {
  simulate(
      [] {
        signal_watcher watcher{SIGUSR1};
        const auto killed = spawn([&] { watcher.wait(); });
        yield();
        killed.kill();
        killed.wait();
        const auto waits = spawn([&] { return watcher.wait(); });
        yield();
        CHECK(error_of([&] { watcher.wait(); }).value() == EBUSY);
        CHECK(simulate_signal(SIGUSR1));
        CHECK(waits.join() == SIGUSR1);
        CHECK_FALSE(offshoot::with_timeout(1s, [&] { watcher.wait(); }));
      },
      {.false_events = 0.9});
}

TEST_CASE("real signals take their way past a simulation, and are not blocked there") {
  const auto before = std::signal(SIGUSR1, [](int) { really_came = really_came + 1; });
  simulate([] {
    signal_watcher watcher{SIGUSR1};
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
    CHECK(sigismember(&blocked, SIGUSR1) == 0);
    really_came = 0;
    pthread_kill(pthread_self(), SIGUSR1);
    CHECK(really_came == 1);
    CHECK_FALSE(offshoot::with_timeout(1s, [&] { watcher.wait(); }));
    CHECK(simulate_signal(SIGUSR1));
    CHECK(watcher.wait() == SIGUSR1);
    CHECK(really_came == 1);
  });
  std::signal(SIGUSR1, before);
}

TEST_CASE("what is no signal is refused, and so is a hub of real time") {
  simulate([] {
    CHECK(error_of([] { simulate_signal(12345); }).value() == EINVAL);
    CHECK(error_of([] { signal_watcher({SIGUSR1, 12345}); }).value() == EINVAL);
  });
  std::thread([] {
    offshoot::start_hub({.reactor = "poll"});
    CHECK_THROWS_AS(simulate_signal(SIGUSR1), offshoot::greenlet_error);
  }).join();
}
