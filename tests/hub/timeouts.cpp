/// Time-out scopes: nesting, whose they are, what they end and what they leave alone.
#include <chrono>
#include <string>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::timed_out;
using offshoot::timeout;
using offshoot::with_timeout;
using offshoot::yield;
using test::hub_leaves_nothing;

TEST_CASE_FIXTURE(hub_leaves_nothing, "a time-out ends a wait, once") {
  const timeout limit(1ms);
  CHECK_THROWS_AS(sleep_for(1h), timed_out);
  sleep_for(1ms);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a time-out that is over before the wait leaves it alone") {
  { const timeout limit(1h); }
  { const timeout limit(-1h); }
  sleep_for(1ms);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what wakes before its time-out is not disturbed later") {
  const timeout limit(1h);
  for (int each = 0; each < 10; ++each) sleep_for(10us);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "no time, and a time in the past, end the next wait") {
  for (const auto time : {0ns, -1ns, std::chrono::nanoseconds::min() / 4}) {
    bool others_ran = false;
    const auto other = spawn([&others_ran] { others_ran = true; });
    const timeout limit(time);
    CHECK_THROWS_AS(sleep_for(1h), timed_out);
    CHECK(others_ran);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "of nested time-outs the one that is due first throws") {
  for (const bool outer_first : {true, false}) {
    CAPTURE(outer_first);
    const timeout outer(outer_first ? 1ms : 1h);
    const timeout inner(outer_first ? 1h : 1ms);
    try {
      sleep_for(2h);
      FAIL_CHECK("slept through");
    } catch (const timed_out& error) {
      CHECK(outer.is_source_of(error) == outer_first);
      CHECK(inner.is_source_of(error) != outer_first);
    }
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a time-out of an outer scope passes through an inner one") {
  std::string path;
  const bool in_time = with_timeout(1ms, [&path] {
    const auto inner = with_timeout(1h, [&path] {
      sleep_for(2h);
      path += "slept ";
      return 1;
    });
    path += inner ? "returned " : "inner ";
  });
  path += in_time ? "in time" : "outer";
  CHECK(path == "outer");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "an inner time-out comes before an outer one and leaves it") {
  const auto outer = with_timeout(20ms, [] {
    CHECK_FALSE(with_timeout(1ms, [] { sleep_for(1h); }));
    CHECK(with_timeout(1h, [] { return 5; }) == 5);
    sleep_for(1h);  // ended by the outer one
    return 1;
  });
  CHECK_FALSE(outer.has_value());
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a time-out can be called off and begun anew") {
  timeout limit(1ms);
  limit.cancel();
  sleep_for(3ms);
  limit.restart(1ms);
  CHECK_THROWS_AS(sleep_for(1h), timed_out);
  limit.restart(1ms);
  CHECK_THROWS_AS(sleep_for(1h), timed_out);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a greenlet that is always ready is timed out, too") {
  const timeout limit(1ms);
  const auto yield_for_ever = [] {
    for (;;) yield();
  };
  CHECK_THROWS_AS(yield_for_ever(), timed_out);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a time-out is its greenlet's own") {
  const timeout limit(1ms);
  const auto other = spawn([] { sleep_for(5ms); });
  CHECK_THROWS_AS(other.join(), timed_out);
  other.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "time-outs may end in any order, and by a kill") {
  auto first = std::make_unique<timeout>(1h);
  auto second = std::make_unique<timeout>(1ms);
  first.reset();
  CHECK_THROWS_AS(sleep_for(1h), timed_out);
  second.reset();
  const auto killed = spawn([] {
    const timeout limit(1h);
    sleep_for(2h);
  });
  yield();
  killed.kill();
  killed.join();
}
