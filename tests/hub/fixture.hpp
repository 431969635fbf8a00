/// What the hub's tests stand on: a hub that is there before anything is counted, and a watchdog.
#pragma once

#include <offshoot/hub.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <utility>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

namespace test {

struct hub_exists {
  hub_exists() {
    offshoot::spawn([] {}).join();
  }  // enters it: stack and descriptors are taken
};

/// Returns when what was posted to this thread's hub until now has run.
inline void let_posts_run() {
  const auto told = std::make_shared<offshoot::event>();
  offshoot::hub::current().post([told] { told->set(); });
  told->wait();
}

/// Returns when the hub has looked for what is ready once more.
inline void let_hub_look() {
  const std::uint64_t looks = offshoot::counters().polls;
  // A sleep may be over before the hub has come to look: one of a microsecond always is under TSan
  // and under Valgrind.
  for (auto time = std::chrono::microseconds(1); offshoot::counters().polls == looks; time *= 2) {
    offshoot::sleep_for(time);
  }
}

inline bool is_blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, nullptr, &now);
  return sigismember(&now, signal) == 1;
}

class hub_leaves_nothing : hub_exists, public nothing_leaks {
 public:
  hub_leaves_nothing() = default;
  ~hub_leaves_nothing() {
    let_posts_run();
    CHECK_MESSAGE(offshoot::task_count() == 0, "tasks left over");
  }
  hub_leaves_nothing(const hub_leaves_nothing&) = delete;
  hub_leaves_nothing& operator=(const hub_leaves_nothing&) = delete;
};

/// Joins `work`; kills it, and fails, if it is still not done after half a minute.
template <class R>
R join_in_time(offshoot::task<R> work) {
  const auto watchdog = offshoot::spawn([work] {
    offshoot::sleep_for(std::chrono::seconds(30));
    FAIL_CHECK("still waiting after half a minute");
    work.kill();
  });
  struct call_off {
    offshoot::task<void> dog;
    ~call_off() { dog.kill(); }
  } const at_end{watchdog};
  return work.join();
}

/// Whether `give`, which hands over a function that captures its argument, is refused that where
/// the argument lies in a lane, and the function is not called.
template <class Give>
bool refuses_a_local(Give give) {
  return join_in_time(offshoot::spawn([give] {
    int local = 0;
    try {
      give(local);
    } catch (const offshoot::dangling_capture&) {
      return local == 0;
    }
    return false;
  }));
}

/// Runs `work` on a stack of its own, where doctest's macros may be used as ever.
template <class F>
void run_in_time(F work) {
  join_in_time(offshoot::spawn(std::move(work), {.where = offshoot::placement::dedicated}));
  offshoot::yield();  // the watchdog unwinds
}

}  // namespace test
