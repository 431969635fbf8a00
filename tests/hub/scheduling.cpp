/// Who runs when: order, direct hand-off, sleeping, fairness, and the end of all hope.
#include <offshoot/trace.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/scheduler.hpp"

using offshoot::greenlet;
using offshoot::sleep_for;
using offshoot::sleep_until;
using offshoot::spawn;
using offshoot::task;
using offshoot::yield;
using test::hub_leaves_nothing;
using clock_type = offshoot::hub_clock;

namespace {

void join_all(const std::vector<task<void>>& tasks) {
  for (const auto& each : tasks) each.join();
}

/// Two tasks that join each other.
std::pair<task<void>, task<void>> make_deadlock() {
  const auto other = std::make_shared<task<void>>();
  const auto first = spawn([other] { std::exchange(*other, task<void>()).join(); });
  const auto second = spawn([first] { first.join(); });
  *other = second;
  return {first, second};
}

constexpr auto shortly = std::chrono::milliseconds(1);
constexpr auto for_long = std::chrono::hours(1);

struct way {
  const char* words;
  void (*sleep)();
  int kills;
  bool started = true;
};

constexpr way ways_to_end_a_sleep[] = {
    {"a kill before it begins", [] { sleep_for(for_long); }, 1, false},
    {"a kill", [] { sleep_for(for_long); }, 1},
    {"two kills", [] { sleep_until(clock_type::now() + for_long); }, 2},
    {"a time-out scope", [] { offshoot::with_timeout(shortly, [] { sleep_for(for_long); }); }, 0},
    {"its time", [] { sleep_for(shortly); }, 0},
    {"its deadline", [] { sleep_until(clock_type::now() + shortly); }, 0},
};

/// Those who sleep. They may end, and their timers with them, or live on.
struct sleepers {
  int awake = 0;
  int killed = 0;
  offshoot::event one_awake;
  offshoot::event may_end;

  task<void> add(void (*sleep)()) {
    return spawn([this, sleep] {
      try {
        sleep();
      } catch (const offshoot::greenlet_exit&) {
        ++killed;
      }
      ++awake;
      one_awake.set();
      may_end.wait();
    });
  }
};

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "tasks run in the order of their spawn, and take turns") {
  for (const auto where : test::placements) {
    std::string path;
    std::vector<task<void>> tasks;
    for (const char letter : {'a', 'b', 'c'}) {
      tasks.push_back(spawn(
          [letter, &path] {
            for (int round = 0; round < 3; ++round) {
              path += letter;
              yield();
            }
          },
          {.where = where}));
    }
    join_all(tasks);
    CHECK(path == "abcabcabc");
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a greenlet that waits switches straight to the next one") {
  int direct = 0;
  int by_hub = 0;
  const auto turns = [] {
    for (int round = 0; round < 20; ++round) yield();
  };
  const auto first = spawn(turns, {.name = "first"});
  const auto second = spawn(turns, {.name = "second"});
  yield();  // both have begun
  offshoot::set_trace([&](offshoot::trace_event, const greenlet& from, const greenlet& to) {
    if (from.name() == "first" && to.name() == "second") ++direct;
    if (to.name() == "hub") ++by_hub;
  });
  first.join();
  second.join();
  offshoot::set_trace({});
  CHECK(direct >= 18);
  CHECK(by_hub <= 4);  // to wait once, and for the end of each
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the only one that is ready goes on without a switch") {
  int switches = 0;
  offshoot::set_trace([&](offshoot::trace_event, const greenlet&, const greenlet&) { ++switches; });
  for (int round = 0; round < 100; ++round) yield();
  offshoot::set_trace({});
  CHECK(switches <= 2);  // there and back, if it was time to look at the reactor
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "sleepers wake in the order of their deadlines, not early") {
  // All must sleep before the first wakes: on a slow machine that takes more than one attempt.
  for (auto lead = std::chrono::milliseconds(1);; lead *= 4) {
    REQUIRE(lead < std::chrono::minutes(1));
    std::vector<int> woken;
    bool in_time = true;
    bool early = false;
    std::vector<task<void>> tasks;
    const auto start = clock_type::now() + lead;
    for (const int delay : {7, 1, 5, 3, 9, 2}) {
      tasks.push_back(spawn([&, delay] {
        in_time = in_time && clock_type::now() < start;
        const auto deadline = start + std::chrono::milliseconds(delay);
        sleep_until(deadline);
        early = early || clock_type::now() < deadline;
        woken.push_back(delay);
      }));
    }
    join_all(tasks);
    CHECK_FALSE(early);
    if (!in_time) continue;
    CHECK(woken == std::vector{1, 2, 3, 5, 7, 9});
    return;
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "no time and a time in the past are a yield") {
  std::string path;
  const auto other = spawn([&path] { path += "other "; });
  sleep_for(std::chrono::nanoseconds(0));
  path += "zero ";
  sleep_for(std::chrono::hours(-1));
  sleep_until(clock_type::time_point::min());
  path += "past";
  other.join();
  CHECK(path == "other zero past");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a greenlet that is always ready starves no timer") {
  bool woken = false;
  const auto sleeper = spawn([&woken] {
    sleep_for(std::chrono::milliseconds(1));
    woken = true;
  });
  const auto limit = clock_type::now() + std::chrono::seconds(30);
  while (!woken && clock_type::now() < limit) yield();
  CHECK(woken);
  sleeper.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a plain greenlet may wait in the hub") {
  std::string path;
  const greenlet plain{[&path] {
    path += "begun ";
    sleep_for(std::chrono::milliseconds(1));
    path += "slept";
  }};
  plain.switch_to();
  CHECK(path == "begun slept");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S20: a greenlet that waits, or is ready, may be dropped") {
  for (const bool ready : {false, true}) {
    bool unwound = false;
    auto plain = std::make_unique<greenlet>([&unwound, ready] {
      try {
        ready ? yield() : sleep_for(std::chrono::hours(1));
      } catch (const offshoot::greenlet_exit&) {
        unwound = true;
        throw;
      }
    });
    const auto dropper = spawn([&plain] { plain.reset(); });
    // It finishes in the dropper's hands, so that nobody returns here.
    CHECK_THROWS_AS(plain->switch_to(), offshoot::would_block_forever);
    CHECK(unwound);
    dropper.join();
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a waiting greenlet that somebody else switches to is told") {
  greenlet plain;
  std::string message;
  const auto intruder = spawn([&] {
    plain = greenlet([&message] {
      try {
        sleep_for(std::chrono::hours(1));
      } catch (const offshoot::greenlet_error& error) {
        message = error.what();
      }
    });
    yield();
    plain.switch_to();
  });
  yield();
  CHECK_THROWS_AS(plain.switch_to(), offshoot::would_block_forever);  // it finishes elsewhere
  CHECK(message == "offshoot: a greenlet that waits in the hub was switched to by somebody else");
  intruder.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "when nobody can ever run again the main greenlet is told") {
  const auto [first, second] = make_deadlock();
  CHECK_THROWS_AS(first.join(), offshoot::would_block_forever);
  CHECK_THROWS_AS(first.join(), offshoot::would_block_forever);  // still so
  CHECK_FALSE(first.done());
  first.kill();
  first.join();
  second.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "however a sleep ends it leaves no timer and wakes nobody else") {
  const auto timers_held = [] { return offshoot::detail::scheduler::here().timers(); };
  for (const way& how : ways_to_end_a_sleep) {
    for (const bool live_on : {false, true}) {
      const std::string ended_by = how.words;
      CAPTURE(ended_by);
      CAPTURE(live_on);
      const auto start = clock_type::now();
      const auto held = timers_held();
      sleepers all;
      if (!live_on) all.may_end.set();
      const auto earlier = all.add([] { sleep_for(for_long - shortly); });
      const auto later = all.add([] { sleep_for(for_long + shortly); });
      yield();

      const auto before = offshoot::counters();
      const auto at_stake = all.add(how.sleep);
      if (how.started) yield();
      for (int each = 0; each < how.kills; ++each) at_stake.kill();
      if (how.started) all.one_awake.wait();
      const auto after = offshoot::counters();
      CHECK(all.awake == (how.started ? 1 : 0));
      CHECK(all.killed == (how.started && how.kills != 0 ? 1 : 0));
      // None, either, where its time was over before it slept.
      const auto timers = after.timers - before.timers;
      CHECK(timers <= (how.started ? 1 : 0));
      CHECK(after.expired - before.expired == (how.kills == 0 ? timers : 0));
      // Its own, and that of who waits for it.
      CHECK(after.wakeups - before.wakeups == (how.started ? timers + 1 : 0));

      earlier.kill();
      later.kill();
      yield();
      CHECK(all.awake == (how.started ? 3 : 2));
      if (live_on) {  // then nothing is left to wait for, and no time passes, simulated or not
        CHECK_THROWS_AS(offshoot::event().wait(), offshoot::would_block_forever);
        CHECK(clock_type::now() - start < for_long - shortly);
        all.may_end.set();
      }
      join_all({earlier, later, at_stake});
      CHECK(timers_held() <= held);
    }
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "many sleepers wake in the order of their deadlines") {
  constexpr int count = 20'000;
  // All must sleep before the first wakes: on a slow machine that takes more than one attempt.
  for (auto lead = std::chrono::milliseconds(100);; lead *= 4) {
    REQUIRE(lead < std::chrono::minutes(1));
    bool in_time = true;
    int last = -1;
    bool ordered = true;
    const auto start = clock_type::now() + lead;
    std::vector<task<void>> tasks;
    for (int each = 0; each < count; ++each) {
      const int rank = static_cast<int>(std::int64_t{each} * 7919 % count);
      tasks.push_back(spawn([&, rank] {
        in_time = in_time && clock_type::now() < start;
        sleep_until(start + std::chrono::microseconds(rank));
        ordered = ordered && rank == last + 1;
        last = rank;
      }));
    }
    join_all(tasks);
    if (!in_time) continue;
    CHECK(ordered);
    CHECK(last == count - 1);
    return;
  }
}
