/// Work from other threads.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "posts of several threads all run here, each thread's in order") {
  constexpr int threads = 4;
  constexpr int posts = 20'000;
  std::vector<int> next(threads, 0);
  int done = 0;
  bool ordered = true;
  const auto home = std::this_thread::get_id();
  const auto waiter = spawn([&done] {
    while (done < threads * posts) yield();
  });
  std::vector<std::thread> posting;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    posting.emplace_back([&, thread, to = offshoot::hub::current()] {
      for (int each = 0; each < posts; ++each) {
        to.post([&, thread, each] {
          ordered = ordered && next[thread]++ == each && std::this_thread::get_id() == home;
          ++done;
        });
      }
    });
  }
  test::join_in_time(waiter);
  for (auto& each : posting) each.join();
  yield();
  CHECK(done == threads * posts);
  CHECK(ordered);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a post wakes a hub that sleeps") {
  for (int round = 0; round < 200; ++round) {
    const auto sleeper = spawn([] { sleep_for(std::chrono::hours(1)); });
    yield();
    std::thread poster([to = offshoot::hub::current(), sleeper]() mutable {
      to.post([mine = std::move(sleeper)] { mine.kill(); });
    });
    sleeper.join();
    poster.join();
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "while others can post there is hope; when the last has gone, none") {
  std::optional<offshoot::hub> handle = offshoot::hub::current();
  const auto other = std::make_shared<offshoot::task<void>>();
  const auto first = spawn([other] { std::exchange(*other, offshoot::task<void>()).join(); });
  *other = spawn([first] { first.join(); });
  std::atomic<bool> dropped{false};
  std::thread holder([&dropped, kept = std::move(handle)]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the hub most likely sleeps now
    dropped = true;
    kept.reset();
  });
  handle.reset();
  CHECK_THROWS_AS(first.join(), offshoot::would_block_forever);
  CHECK(dropped);
  holder.join();
  offshoot::kill_tasks();
}

TEST_CASE("a post to a hub whose thread has ended throws, and the work is destroyed") {
  std::optional<offshoot::hub> ended;
  std::thread([&ended] { ended = offshoot::hub::current(); }).join();
  const auto work = std::make_shared<int>(0);
  CHECK_THROWS_AS(ended->post([work] {}), offshoot::greenlet_error);
  CHECK(work.use_count() == 1);
}

TEST_CASE("work that was posted and never ran is destroyed with its hub") {
  const auto work = std::make_shared<int>(0);
  std::thread([&work] { offshoot::hub::current().post([work] { *work = 1; }); }).join();
  CHECK(*work == 0);
  CHECK(work.use_count() == 1);
}
