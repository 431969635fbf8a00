/// Futures: one result, on one thread and between threads.
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::future;
using offshoot::promise;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;

TEST_CASE_FIXTURE(hub_leaves_nothing, "a future gives what its promise was given") {
  promise<std::unique_ptr<int>> giver;
  future<std::unique_ptr<int>> taker = giver.get_future();
  CHECK_FALSE(taker.ready());
  CHECK_FALSE(taker.wait_for(10us));
  spawn([giver = std::move(giver)]() mutable { giver.set_value(std::make_unique<int>(5)); });
  CHECK(*taker.get() == 5);
  CHECK_FALSE(taker.valid());
  CHECK_THROWS_AS(taker.get(), std::future_error);

  promise<void> failing;
  future<void> failed = failing.get_future();
  failing.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
  CHECK(failed.ready());
  CHECK_THROWS_WITH(failed.get(), "failed");

  promise<int&> of_reference;
  int number = 1;
  of_reference.set_value(number);
  CHECK(&of_reference.get_future().get() == &number);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a promise is kept once, or broken") {
  promise<int> giver;
  future<int> taker = giver.get_future();
  CHECK_THROWS_AS(giver.get_future(), std::future_error);
  giver.set_value(1);
  CHECK_THROWS_AS(giver.set_value(2), std::future_error);
  CHECK(taker.get() == 1);

  promise<int> moved_from;
  const promise<int> moved_to = std::move(moved_from);
  CHECK_THROWS_AS(moved_from.get_future(), std::future_error);

  future<int> orphan = promise<int>().get_future();
  CHECK_THROWS_AS(orphan.get(), std::future_error);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a result that points into its giver's lane is refused") {
  const auto giver = std::make_shared<promise<int*>>();
  auto taker = giver->get_future();
  const auto lending = spawn([giver] {
    int local = 0;
    giver->set_value(&local);
  });
  CHECK_THROWS_AS(lending.join(), offshoot::dangling_capture);
  CHECK_FALSE(taker.ready());
  giver->set_value(nullptr);  // the promise is still to be kept
  CHECK(taker.get() == nullptr);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who waits for a future may be killed or timed out") {
  const auto giver = std::make_shared<promise<int>>();
  const auto taker = std::make_shared<future<int>>(giver->get_future());
  const auto killed = spawn([taker] { taker->get(); });
  yield();
  killed.kill();
  killed.join();
  CHECK_FALSE(offshoot::with_timeout(1ms, [taker] { taker->wait(); }));
  const auto killed_when_ready = spawn([taker] { taker->get(); });
  yield();
  giver->set_value(3);
  killed_when_ready.kill();
  killed_when_ready.join();
  CHECK(taker->get() == 3);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a future's result comes from another thread") {
  for (int round = 0; round < 100; ++round) {
    promise<int> giver;
    future<int> taker = giver.get_future();
    std::thread other([giver = std::move(giver), round]() mutable { giver.set_value(round); });
    CHECK(taker.get() == round);  // and the hub does not despair: work may come
    other.join();
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "kills and results of two threads may cross") {
  for (int round = 0; round < 200; ++round) {
    promise<int> giver;
    const auto taker = std::make_shared<future<int>>(giver.get_future());
    const auto waiting = spawn([taker] { taker->wait(); });
    yield();
    std::thread other([giver = std::move(giver)]() mutable { giver.set_value(1); });
    waiting.kill();
    waiting.join();
    CHECK(taker->get() == 1);
    other.join();
  }
}
