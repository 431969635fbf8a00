/// Waiting for a stop token.
#include <chrono>
#include <memory>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using offshoot::spawn;
using offshoot::wait_for_stop;
using offshoot::yield;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stop wakes who waits for it, from any thread") {
  run_in_time([] {
    for (int round = 0; round < 200; ++round) {
      std::stop_source source;
      std::vector<offshoot::task<void>> waiting;
      for (int each = 0; each < 3; ++each) {
        waiting.push_back(spawn([stop = source.get_token()] { wait_for_stop(stop); }));
      }
      if (round % 2 == 0) yield();
      std::thread other([&source] { source.request_stop(); });
      for (const auto& each : waiting) each.join();
      other.join();
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "and from a greenlet of the same thread") {
  std::stop_source source;
  const auto waiter = spawn([stop = source.get_token()] { wait_for_stop(stop); });
  yield();
  CHECK_FALSE(waiter.done());
  source.request_stop();
  source.request_stop();
  test::join_in_time(waiter);
  wait_for_stop(source.get_token());  // at once
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who is killed or timed out leaves, and is not called then") {
  std::stop_source source;
  const auto victim = spawn([stop = source.get_token()] { wait_for_stop(stop); });
  yield();
  victim.kill();
  victim.join();
  CHECK_FALSE(offshoot::with_timeout(std::chrono::milliseconds(1),
                                     [&] { wait_for_stop(source.get_token()); }));
  source.request_stop();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "waiters whose stacks have been copied are woken") {
  run_in_time([] {
    std::stop_source source;
    std::vector<offshoot::task<int>> waiting;
    for (int each = 0; each < 100; ++each) {  // more than lanes
      waiting.push_back(spawn([stop = source.get_token(), each] {
        int local = each;
        wait_for_stop(stop);
        return local;
      }));
    }
    yield();
    std::thread([&source] { source.request_stop(); }).join();
    for (int each = 0; each < 100; ++each) {
      CHECK(waiting[static_cast<std::size_t>(each)].join() == each);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stop that nobody can request is waited for in vain") {
  CHECK_THROWS_AS(wait_for_stop({}), offshoot::would_block_forever);
}
