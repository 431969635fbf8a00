/// What the primitives of synchronisation promise beyond what the test of all endings looks at:
/// order, hand-over, how many switches that takes, misuse.
#include <offshoot/trace.hpp>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::spawn;
using offshoot::task;
using offshoot::yield;
using test::hub_leaves_nothing;

namespace {

void let_all_run() {
  for (int each = 0; each < 10; ++each) yield();
}

/// How many switches lead from `give` in one greenlet to the end of `wait` in another.
template <class F, class G>
int switches_to_hand_over(F wait, G give) {
  int switches = 0;
  int needed = -1;
  const auto receiver = spawn([&] {
    wait();
    needed = switches;
  });
  yield();
  const auto giver = spawn([&] {
    offshoot::set_trace([&](offshoot::trace_event, const offshoot::greenlet&,
                            const offshoot::greenlet&) { ++switches; });
    give();
    yield();
    offshoot::set_trace({});
  });
  giver.join();
  receiver.join();
  return needed;
}

template <class F>
void check_wrong_thread(F use) {
  std::thread([&use] { CHECK_THROWS_AS(use(), offshoot::wrong_thread); }).join();
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "a hand-over is one switch") {
  offshoot::semaphore permits(0);
  CHECK(switches_to_hand_over([&] { permits.acquire(); }, [&] { permits.release(); }) == 1);
  offshoot::event happened;
  CHECK(switches_to_hand_over([&] { happened.wait(); }, [&] { happened.set(); }) == 1);
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{1}, offshoot::unbounded}) {
    const offshoot::channel<int> items(capacity);
    CHECK(switches_to_hand_over([&] { items.receive(); }, [&] { items.send(1); }) == 1);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a permit goes to who waits, not to who comes by") {
  offshoot::semaphore permits(1);
  permits.acquire();
  std::string path;
  std::vector<task<void>> tasks;
  for (const char name : {'a', 'b', 'c'}) {
    tasks.push_back(spawn([&permits, &path, name] {
      permits.acquire();
      path += name;
      permits.release();
    }));
  }
  yield();
  permits.release();
  CHECK_FALSE(permits.try_acquire());
  let_all_run();
  CHECK(path == "abc");
  CHECK(permits.available() == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "an event that is cleared at once has still happened") {
  offshoot::event happened;
  int woken = 0;
  for (int each = 0; each < 3; ++each) {
    spawn([&] {
      happened.wait();
      ++woken;
    });
  }
  yield();
  happened.set();
  happened.clear();
  let_all_run();
  CHECK(woken == 3);
  CHECK_FALSE(happened.is_set());
  CHECK_FALSE(happened.wait_for(1us));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a mutex knows its owner") {
  offshoot::mutex exclusive;
  CHECK_THROWS_AS(exclusive.unlock(), std::system_error);
  exclusive.lock();
  CHECK_THROWS_AS(exclusive.lock(), std::system_error);
  const auto other = spawn([&] {
    CHECK_FALSE(exclusive.try_lock());
    CHECK_THROWS_AS(exclusive.unlock(), std::system_error);
  });
  other.join();
  exclusive.unlock();
  CHECK_FALSE(exclusive.is_locked());

  offshoot::recursive_mutex again;
  again.lock();
  again.lock();
  again.unlock();
  CHECK_FALSE(spawn([&] { return again.try_lock(); }).join());
  again.unlock();
  CHECK_THROWS_AS(again.unlock(), std::system_error);
  CHECK(spawn([&] {
          const bool mine = again.try_lock();
          again.unlock();
          return mine;
        }).join());
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "what ended without unlocking leaves a mutex to nobody, wherever others are") {
  offshoot::mutex exclusive;
  offshoot::shared_mutex shared;
  spawn([&] {
    exclusive.lock();
    shared.lock();
  }).join();
  for (int each = 0; each < 100; ++each) {  // one of them where the owner was
    spawn([&] {
      CHECK_FALSE(exclusive.is_mine());
      CHECK_THROWS_AS(exclusive.unlock(), std::system_error);
      CHECK_FALSE(exclusive.try_lock_for(0ns));
      CHECK_THROWS_AS(shared.unlock(), std::system_error);
      CHECK_FALSE(shared.try_lock_for(0ns));
    }).join();
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "readers share, writers do not, and neither jumps the queue") {
  offshoot::shared_mutex book;
  std::string path;
  const auto read = [&](char name) {
    return spawn([&, name] {
      const std::shared_lock held(book);
      path += name;
      yield();
      path += name;
    });
  };
  const auto write = [&](char name) {
    return spawn([&, name] {
      const std::unique_lock held(book);
      path += name;
      yield();
      path += name;
    });
  };
  const std::vector tasks{read('a'), read('b'), write('W'), read('c'), read('d'), write('V')};
  let_all_run();
  CHECK(path == "ababWWcdcdVV");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who is notified has the mutex when it runs") {
  offshoot::mutex guard;
  offshoot::condition changed;
  bool ready = false;
  std::string path;
  const auto waiter = spawn([&] {
    std::unique_lock lock(guard);
    changed.wait(lock, [&] { return ready; });
    path += guard.is_mine() ? "mine " : "not mine ";
  });
  yield();
  {
    const std::lock_guard lock(guard);
    ready = true;
    changed.notify_one();
    let_all_run();
    path += "unlock ";
  }
  waiter.join();
  CHECK(path == "unlock mine ");
  std::unique_lock lock(guard);
  CHECK(changed.wait_for(lock, 1us) == std::cv_status::timeout);
  CHECK_FALSE(changed.wait_for(lock, 1us, [] { return false; }));
  CHECK(lock.owns_lock());
  lock.unlock();
  CHECK_THROWS_AS(changed.wait(lock), std::system_error);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a barrier lets go of its number, again and again") {
  CHECK_THROWS_AS(offshoot::barrier(0), std::invalid_argument);
  offshoot::barrier start(3);
  std::string path;
  for (const char name : {'a', 'b', 'c'}) {
    spawn([&start, &path, name] {
      for (int round = 0; round < 3; ++round) {
        path += name;
        start.arrive_and_wait();
      }
    });
  }
  let_all_run();
  CHECK(path == "abccabbca");
  const auto waits = spawn([&start] { start.arrive_and_wait(); });
  yield();
  start.arrive_and_drop();
  CHECK_FALSE(waits.done());
  start.arrive_and_drop();
  waits.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "who waits for a condition without the mutex is not in its line") {
  offshoot::mutex exclusive;
  offshoot::condition changed;
  offshoot::event later;
  std::unique_lock lock(exclusive);
  const auto other = spawn([&] {
    CHECK_THROWS_AS(changed.wait(lock), std::system_error);  // it is another greenlet's
    later.wait();
  });
  yield();
  lock.unlock();
  changed.notify_all();
  CHECK_FALSE(exclusive.is_locked());
  later.set();
  other.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a primitive belongs to the thread of its first use") {
  offshoot::semaphore permits(1);
  permits.acquire();
  check_wrong_thread([&] { permits.release(); });
  offshoot::mutex exclusive;
  exclusive.lock();
  check_wrong_thread([&] { exclusive.lock(); });
  exclusive.unlock();
  const offshoot::channel<int> items(1);
  items.send(1);
  check_wrong_thread([&] { items.receive(); });
  check_wrong_thread([&] { offshoot::select(on_receive(items, [](std::optional<int>) {})); });
}
