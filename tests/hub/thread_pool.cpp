/// Work on other threads.
#include <atomic>
#include <barrier>
#include <csignal>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sched.h>

#include "hub/fixture.hpp"

using offshoot::spawn;
using offshoot::thread_pool;
using offshoot::yield;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "work is done elsewhere, its result or exception comes here") {
  run_in_time([] {
    thread_pool pool;
    const auto here = std::this_thread::get_id();
    CHECK(pool.run([] { return std::this_thread::get_id(); }) != here);
    CHECK(*pool.run([] { return std::make_unique<std::string>("moved"); }) == "moved");
    int calls = 0;
    pool.run([&calls] { ++calls; });
    CHECK(calls == 1);
    CHECK_THROWS_WITH_AS(pool.run([]() -> int { throw std::runtime_error("no such file"); }),
                         "no such file", std::runtime_error);
    CHECK(pool.run([] {
      sigset_t now;
      pthread_sigmask(SIG_BLOCK, nullptr, &now);
      return sigismember(&now, SIGTERM);
    }) == 1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "what the work has captured is gone when its result is here") {
  // On one processor the thread is most likely held up when it wakes who waits.
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
  struct witness {
    std::thread::id* where;
    explicit witness(std::thread::id& told) : where(&told) {}
    witness(witness&& other) noexcept : where(std::exchange(other.where, nullptr)) {}
    ~witness() {
      if (where != nullptr) *where = std::this_thread::get_id();
    }
  };
  constexpr std::size_t times = 300;
  std::vector<std::thread::id> destroyed(times);
  std::size_t here = 0;
  {
    thread_pool pool(1);
    for (std::thread::id& each : destroyed) {
      pool.run([seen = witness(each)] {});
      if (each == std::this_thread::get_id()) ++here;
    }
  }
  CHECK(here == times);
  sched_setaffinity(0, sizeof before, &before);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "while a thread works others run here") {
  run_in_time([] {
    thread_pool pool(1);
    const auto go = std::make_shared<std::latch>(1);
    const auto worker = spawn([&pool, go] { pool.run([go] { go->wait(); }); });
    yield();
    bool ran = false;
    spawn([&ran] { ran = true; });
    yield();
    CHECK(ran);
    CHECK_FALSE(worker.done());
    go->count_down();
    worker.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "as many work at once as there are threads, and no more") {
  run_in_time([] {
    constexpr int threads = 3;
    thread_pool pool(threads);
    // Each three meet: with fewer threads none would come back.
    const auto meeting = std::make_shared<std::barrier<>>(threads);
    const auto at_work = std::make_shared<std::atomic<int>>(0);
    const auto most = std::make_shared<std::atomic<int>>(0);
    std::vector<offshoot::task<void>> tasks;
    for (int each = 0; each < 4 * threads; ++each) {
      tasks.push_back(spawn([&pool, meeting, at_work, most] {
        pool.run([meeting, at_work, most] {
          const int now = ++*at_work;
          for (int before = *most; before < now && !most->compare_exchange_weak(before, now);) {
          }
          meeting->arrive_and_wait();
          --*at_work;
        });
      }));
    }
    for (const auto& each : tasks) each.join();
    CHECK(*most == threads);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who is killed leaves at once, the work goes on") {
  run_in_time([] {
    const auto finished = std::make_shared<std::atomic<bool>>(false);
    const auto go = std::make_shared<std::latch>(1);
    {
      thread_pool pool(1);
      const auto victim = spawn([&pool, go, finished] {
        pool.run([go, finished] {
          go->wait();
          *finished = true;
          throw std::runtime_error("for nobody");
        });
      });
      yield();
      victim.kill();
      victim.join();
      CHECK_FALSE(*finished);
      go->count_down();
    }  // waits for it
    CHECK(*finished);
    test::let_posts_run();  // the thread's last word
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "kill_tasks takes no result from who is no task") {
  thread_pool pool(1);  // does one after the other
  const auto go = std::make_shared<std::latch>(1);
  const auto next = std::make_shared<offshoot::promise<void>>();
  spawn([go, done = std::make_shared<offshoot::future<void>>(next->get_future())] {
    try {
      offshoot::sleep_for(std::chrono::hours(1));
    } catch (const offshoot::greenlet_exit&) {
      go->count_down();
      done->wait();  // by then the main greenlet's result is here
      throw;
    }
  });
  spawn([&pool, next] { pool.run([next] { next->set_value(); }); });
  const auto killer = spawn([] { offshoot::kill_tasks(); });
  CHECK(offshoot::with_timeout(std::chrono::seconds(30), [&] { pool.run([go] { go->wait(); }); }));
  killer.join();  // the others have ended, too
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a capture in the giver's lane is refused, nothing is run") {
  thread_pool pool;
  CHECK(test::refuses_a_local([&pool](int& local) { pool.run([&local] { ++local; }); }));
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a hub with nothing but work on threads has not come to its end") {
  thread_pool pool;
  for (int round = 0; round < 200; ++round) CHECK(pool.run([round] { return round; }) == round);
}

TEST_CASE("virtual: time stands still while a thread works") {
  std::thread([] {
    offshoot::start_hub({.reactor = "virtual"});
    const auto start = offshoot::hub_clock::now();
    thread_pool pool;
    const auto go = std::make_shared<std::latch>(1);
    const auto sleeper = spawn([] { offshoot::sleep_for(std::chrono::hours(1)); });
    spawn([go] { go->count_down(); });
    pool.run([go] { go->wait(); });
    CHECK_FALSE(sleeper.done());
    CHECK(offshoot::hub_clock::now() - start < std::chrono::hours(1));
    sleeper.join();
  }).join();
}
