/// The end of a thread, what is refused across threads, and that they do not wait for each other.
#include "support/threads.hpp"

#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::wrong_thread;
using test::counted;
using test::elsewhere;
using test::suspended;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S23: at thread exit suspended greenlets are unwound on that thread") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    greenlet kept;
    greenlet unstarted;
    greenlet their_main;
    std::thread::id unwound_on;
    std::thread::id owner;
    bool current_is_it = false;
    elsewhere([&] {
      owner = std::this_thread::get_id();
      their_main = greenlet::main();
      unstarted = greenlet{[] { return 1; }, {.where = where}};
      kept = greenlet{[&] {
                        const counted local(0);
                        struct note {
                          std::thread::id& on;
                          bool& current_is_it;
                          const greenlet& self;
                          ~note() {
                            on = std::this_thread::get_id();
                            current_is_it = greenlet::current() == self;
                          }
                        } at_end{unwound_on, current_is_it, kept};
                        test::to_parent();
                      },
                      {.where = where}};
      kept.switch_to();
      CHECK_FALSE(kept.dead());
      CHECK_FALSE(their_main.dead());
    });
    CHECK(counted::alive == 0);
    CHECK(unwound_on == owner);
    CHECK(current_is_it);
    CHECK(kept.dead());
    CHECK_FALSE(kept.active());
    CHECK(their_main.dead());
    CHECK_THROWS_AS(kept.switch_to(), wrong_thread);
    CHECK_THROWS_AS(kept.throw_in(), wrong_thread);
    CHECK_THROWS_AS(their_main.switch_to(), wrong_thread);
    // An unstarted one is not dead, but its parent is: it can be given another and run here.
    CHECK_FALSE(unstarted.dead());
    unstarted.set_parent(greenlet::main());
    CHECK(unstarted.switch_to().get<int>() == 1);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S23: one that stores itself at thread exit dies all the same") {
  greenlet saved;
  int exits = 0;
  elsewhere([&] {
    greenlet victim{[&] {
      for (;;) {
        try {
          test::to_parent();
        } catch (const greenlet_exit&) {
          saved = greenlet::current();
          if (++exits == 3) throw;
        }
      }
    }};
    victim.switch_to();
    saved = victim;
  });
  CHECK(exits == 3);
  CHECK(saved.dead());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S23: a thread_local destroyed after the greenlets cannot make new ones") {
  struct late {
    bool& refused;
    ~late() {
      try {
        greenlet::current();
      } catch (const offshoot::not_startable&) {
        refused = true;
      }
    }
  };
  bool refused = false;
  elsewhere([&] {
    thread_local const late at_end{refused};  // made before the greenlets: destroyed after them
    greenlet([] {}).switch_to();
  });
  CHECK(refused);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S24: a switch, throw or re-parenting across threads says who owns the target") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    const auto owner = "thread " + std::to_string(gettid());
    const greenlet target = suspended(where);
    const greenlet unstarted{[](const counted&) {}, {.where = where}};
    const greenlet finished{[] {}, {.where = where}};
    finished.switch_to();
    const greenlet main = greenlet::main();
    elsewhere([&] {
      const auto refused = [&](auto&& attempt) {
        try {
          attempt();
        } catch (const wrong_thread& error) {
          return std::string(error.what());
        }
        return std::string("nothing was thrown");
      };
      const auto ourselves = "thread " + std::to_string(gettid());
      for (const greenlet& each : {target, main}) {
        const auto text = refused([&] { each.switch_to(1); });
        CHECK(text.find(owner) != std::string::npos);
        CHECK(text.find(ourselves) != std::string::npos);
        CHECK(refused([&] { each.throw_in(); }).find(owner) != std::string::npos);
      }
      CHECK(refused([&] { target.set_parent(greenlet::main()); }).find(owner) != std::string::npos);
      // The run function's arguments are not even looked at.
      CHECK_THROWS_AS(unstarted.switch_to(1), wrong_thread);
      CHECK_THROWS_AS(unstarted.throw_in(), wrong_thread);
      CHECK_FALSE(unstarted.dead());
      CHECK_THROWS_AS(finished.switch_to(), wrong_thread);  // its ancestor is the other's main
      CHECK_THROWS_AS(target.switch_to(counted(1)), wrong_thread);
      CHECK(counted::alive == 1);  // that of the target's stack
      auto kept = std::make_unique<int>(7);
      CHECK_THROWS_AS(target.switch_to(std::move(kept)), wrong_thread);
      REQUIRE(kept != nullptr);  // not even moved from
      CHECK(*kept == 7);
    });
    CHECK(target.active());
    target.switch_to();
    CHECK(target.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S25: threads run wholly in parallel") {
  constexpr int switches = 20'000;
  const auto work = [](int& sum) {
    std::vector<greenlet> all;
    for (int i = 0; i < 40; ++i) {  // more than lanes, so that bytes are copied
      all.emplace_back(
          [i] {
            for (;;) test::to_parent(i);
          },
          offshoot::options{.where = test::placements[static_cast<std::size_t>(i) % 3]});
    }
    for (std::size_t i = 0; i < switches; ++i) sum += all[i % all.size()].switch_to().get<int>();
  };
  int sums[4] = {};
  std::vector<std::thread> threads;
  for (int& sum : sums) threads.emplace_back([&sum, &work] { work(sum); });
  for (auto& thread : threads) thread.join();
  for (const int sum : sums) CHECK(sum == switches / 40 * (39 * 40 / 2));
}

namespace {

std::atomic<bool> lock_is_held{false};
std::atomic<int> switches_meanwhile{-1};  ///< -1: not begun

/// Runs in fork(), after the library has taken its lock: handlers are called in reverse order.
void while_locked() {
  if (switches_meanwhile.load() < 0) return;
  lock_is_held = true;
  // Generous: nothing but a switch path that waits for the lock makes this run out.
  for (int i = 0; i < 10'000 && switches_meanwhile.load() < 1000; ++i) usleep(1000);
  lock_is_held = false;
}

/// Before main(), hence before the library's own handlers are registered.
[[maybe_unused]] const int registered = pthread_atfork(&while_locked, nullptr, nullptr);

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "S25: nothing global is taken on the switch path") {
  // The library's one lock is held throughout a fork; another thread switches meanwhile.
  std::atomic<bool> stop{false};
  std::atomic<bool> ready{false};
  std::thread other([&] {
    std::vector<greenlet> all;
    for (int i = 0; i < 40; ++i) {
      all.emplace_back(
          [] {
            for (;;) test::to_parent(1);
          },
          offshoot::options{.where = test::placements[static_cast<std::size_t>(i) % 3]});
      all.back().switch_to();
    }
    ready = true;
    for (std::size_t i = 0; !stop.load(); ++i) {
      const bool held = lock_is_held.load();
      all[i % all.size()].switch_to();
      greenlet([] {}).switch_to();  // start and finish are switches too
      if (held && lock_is_held.load()) ++switches_meanwhile;
    }
  });
  while (!ready.load()) std::this_thread::yield();
  switches_meanwhile = 0;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  const int seen = switches_meanwhile.exchange(-1);
  stop = true;
  other.join();
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(seen >= 1000);
}
