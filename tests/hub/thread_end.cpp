/// What becomes of tasks and sockets when the hub's thread ends.
#include <chrono>
#include <csignal>
#include <initializer_list>
#include <memory>
#include <thread>
#include <utility>

#include "hub/fixture.hpp"

using offshoot::greenlet;
using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::yield;
using test::nothing_leaks;

TEST_CASE_FIXTURE(nothing_leaks,
                  "S23: a thread's end unwinds tasks that wait, are ready, or never began") {
  const auto alive = std::make_shared<int>(0);
  int unwound = 0;
  std::thread([&] {
    struct witness {
      int& count;
      ~witness() { ++count; }
    };
    for (const auto where : test::placements) {
      spawn(
          [alive, &unwound] {
            const witness seen{unwound};
            sleep_for(std::chrono::hours(1));
          },
          {.where = where});
      spawn(
          [alive, &unwound] {
            const witness seen{unwound};
            offshoot::tcp_listener listener(0);
            listener.accept();
          },
          {.where = where});
      spawn(
          [alive, &unwound] {
            const witness seen{unwound};
            for (;;) yield();
          },
          {.where = where});
    }
    yield();
    spawn([alive] { *alive = 1; });  // never begins
  }).join();
  CHECK(unwound == 9);
  CHECK(*alive == 0);
  CHECK(alive.use_count() == 1);
}

TEST_CASE_FIXTURE(nothing_leaks,
                  "S23: a thread's end unwinds plain greenlets that wait in its hub") {
  bool unwound = false;
  greenlet kept;
  std::thread([&] {
    kept = greenlet([&unwound] {
      try {
        sleep_for(std::chrono::hours(1));
      } catch (const offshoot::greenlet_exit&) {
        unwound = true;
        throw;
      }
    });
    const auto starter = spawn([&kept] { kept.switch_to(); });
    yield();
  }).join();
  CHECK(unwound);
  CHECK(kept.dead());
}

TEST_CASE_FIXTURE(nothing_leaks, "a hub that was made and never entered leaves nothing") {
  const auto alive = std::make_shared<int>(0);
  std::thread([&] { spawn([alive] { *alive = 1; }); }).join();
  CHECK(*alive == 0);
  CHECK(alive.use_count() == 1);
}

TEST_CASE_FIXTURE(nothing_leaks,
                  "what a task captured that never began can wait when it goes, also for threads") {
  struct waits_at_its_end {
    offshoot::thread_pool& pool;
    offshoot::hub_counters& before_sleep;
    offshoot::hub_counters& after_sleep;
    bool& was_answered;
    ~waits_at_its_end() {
      before_sleep = offshoot::counters();
      sleep_for(std::chrono::milliseconds(1));
      after_sleep = offshoot::counters();
      was_answered =
          offshoot::with_timeout(std::chrono::seconds(30), [this] { pool.run([] { return 1; }); });
    }
  };
  offshoot::hub_counters before{};
  offshoot::hub_counters after{};
  offshoot::thread_pool pool;
  for (const bool posted : {false, true}) {
    CAPTURE(posted);
    bool answered = false;
    std::thread([&] {
      auto captured =
          std::shared_ptr<waits_at_its_end>(new waits_at_its_end{pool, before, after, answered});
      if (posted) {
        offshoot::hub::current().post([kept = std::move(captured)] {});
      } else {
        spawn([kept = std::move(captured)] {});
      }
    }).join();
    CHECK(answered);
    CHECK(after.polls > before.polls);  // it slept, and did not look round and round
  }
}

TEST_CASE_FIXTURE(nothing_leaks,
                  "a socket may outlive its hub, and is closed where it is destroyed") {
  std::unique_ptr<offshoot::tcp_listener> kept;
  std::thread([&] { kept = std::make_unique<offshoot::tcp_listener>(0); }).join();
  CHECK_THROWS_AS(kept->accept(), offshoot::wrong_thread);
}

TEST_CASE_FIXTURE(nothing_leaks, "so may a watcher of signals") {
  struct late {
    std::unique_ptr<offshoot::signal_watcher> watcher;
    bool* unblocked = nullptr;
    ~late() {
      watcher.reset();
      *unblocked = !test::is_blocked(SIGUSR1);
    }
  };
  bool unblocked = false;
  std::thread([&unblocked] {
    thread_local late kept;  // made before greenlets and hub are, so it goes after them
    kept.unblocked = &unblocked;
    kept.watcher = std::make_unique<offshoot::signal_watcher>(std::initializer_list<int>{SIGUSR1});
  }).join();
  CHECK(unblocked);
}
