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
