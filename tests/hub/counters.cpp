/// What the hub counts, against what can be known otherwise.
#include <offshoot/trace.hpp>

#include <chrono>
#include <thread>
#include <vector>

#include "core/lanes.hpp"
#include "hub/fixture.hpp"
#include "hub/scheduler.hpp"

using namespace std::chrono_literals;
using offshoot::counters;
using offshoot::hub_counters;
using offshoot::spawn;
using test::hub_leaves_nothing;

namespace {

hub_counters difference(const hub_counters& now, const hub_counters& before) {
  return {.switches = now.switches - before.switches,
          .wakeups = now.wakeups - before.wakeups,
          .timers = now.timers - before.timers,
          .expired = now.expired - before.expired,
          .polls = now.polls - before.polls,
          .prefetches = now.prefetches - before.prefetches,
          .evictions = now.evictions - before.evictions,
          .bytes_copied = now.bytes_copied - before.bytes_copied};
}

template <class F>
hub_counters counted_in(F work) {
  const hub_counters before = counters();
  work();
  return difference(counters(), before);
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "whose turn is next is prefetched where tasks are many") {
  constexpr std::uint64_t many = offshoot::detail::scheduler::fewest_to_prefetch;
  const auto counted = [](std::uint64_t tasks) {
    return counted_in([tasks] {
      std::vector<offshoot::task<void>> running;
      for (std::uint64_t each = 0; each < tasks; ++each) {
        running.push_back(spawn([] {
          for (int turn = 0; turn < 3; ++turn) offshoot::yield();
        }));
      }
      join_all(running);
    });
  };
  CHECK(counted(100).prefetches == 0);
  CHECK(counted(many - 1).prefetches == 0);
  const hub_counters of_many = counted(many);  // until the first has ended
  CHECK(of_many.prefetches >= 3 * many);
  CHECK(of_many.prefetches < of_many.switches);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "each switch of the hub is counted, and no other") {
  std::uint64_t arrivals = 0;
  const auto counted = counted_in([&] {
    offshoot::set_trace([&](offshoot::trace_event, const offshoot::greenlet&,
                            const offshoot::greenlet&) { ++arrivals; });
    offshoot::event rung;
    const auto waiting = spawn([&] { rung.wait(); });
    const auto in_turn = [] {
      for (int each = 0; each < 1000; ++each) offshoot::yield();
    };
    const auto one = spawn(in_turn);
    const auto other = spawn(in_turn);
    const auto killed = spawn([] { offshoot::sleep_for(1h); });
    offshoot::yield();
    rung.set();
    killed.kill();
    join_all(std::vector{waiting, one, other, killed});
    CHECK_THROWS_AS(offshoot::event().wait(), offshoot::would_block_forever);
    offshoot::set_trace({});
  });
  CHECK(arrivals > 2000);
  CHECK(counted.switches == arrivals);

  const auto alone = counted_in([] {
    for (int each = 0; each < 10; ++each) offshoot::yield();  // next itself
    const offshoot::greenlet own([] {});
    own.switch_to();
  });
  CHECK(alone.switches == 0);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "wake-ups are counted, and limits of waits") {
  const auto slept = counted_in([] { offshoot::sleep_for(1ms); });
  CHECK(slept.timers == 1);
  CHECK(slept.expired == 1);
  CHECK(slept.wakeups == 1);
  CHECK(slept.polls >= 1);

  offshoot::event rung;
  const auto in_time = [&rung] { CHECK(rung.wait_for(1h)); };
  const auto rings = counted_in([&] {
    const auto one = spawn(in_time, {.where = offshoot::placement::dedicated});
    const auto other = spawn(in_time, {.where = offshoot::placement::dedicated});
    offshoot::yield();
    rung.set();
    one.wait();
    other.wait();
  });
  CHECK(rings.timers == 2);
  CHECK(rings.expired == 0);
  CHECK(rings.wakeups == 3);  // those two, and once who waits for the first; the second is done
  CHECK(rings.polls == 0);    // nobody was waited for but greenlets
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what leaves a lane for another task's sake is counted") {
  constexpr std::size_t lanes = offshoot::detail::lane_set::default_count;
  const auto turns_of = [](std::size_t tasks) {
    return counted_in([tasks] {
      offshoot::group all;
      for (std::size_t each = 0; each < tasks; ++each) {
        all.spawn([] {
          for (int turn = 0; turn < 10; ++turn) offshoot::yield();
        });
      }
      all.join();
    });
  };
  const auto fit = turns_of(lanes);
  CHECK(fit.evictions == 0);
  CHECK(fit.bytes_copied == 0);
  const auto share = turns_of(2 * lanes);
  CHECK(share.evictions >= 2 * lanes);
  CHECK(share.bytes_copied > share.evictions);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a thread without a hub has counted nothing") {
  hub_counters there{.switches = 1};
  std::thread([&there] { there = counters(); }).join();
  CHECK(there.switches == 0);
  CHECK(there.wakeups == 0);
  CHECK(there.polls == 0);
}
