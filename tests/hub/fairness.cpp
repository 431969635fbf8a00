/// Who never waits starves nobody: how often it, or all of its kind, run before a greenlet goes on
/// whose timer is due or whose descriptor is ready. Counted, not timed.
#include <offshoot/trace.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/scheduler.hpp"

using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::task;
using offshoot::yield;
using offshoot::detail::scheduler;
using test::hub_leaves_nothing;

namespace {

/// Greenlets that do something again and again until they are told to stop.
class spinners {
 public:
  spinners(int count, std::function<void()> act) {
    for (int each = 0; each < count; ++each) {
      tasks_.push_back(spawn([this, act] {
        while (!stop_) {
          ++acts_;
          act();
        }
      }));
    }
    yield();
  }
  ~spinners() {
    stop_ = true;
    for (const auto& each : tasks_) each.join();
  }
  spinners(const spinners&) = delete;
  spinners& operator=(const spinners&) = delete;

  /// How often they have acted, all together.
  unsigned acts() const { return acts_; }

 private:
  unsigned acts_ = 0;
  bool stop_ = false;
  std::vector<task<void>> tasks_;
};

/// Acts that pass before a greenlet notices that its descriptor, a signal's, is ready.
unsigned acts_until_descriptor(int count, const std::function<void()>& act) {
  offshoot::signal_watcher signals({SIGUSR1});
  const spinners busy(count, act);
  const auto reader = spawn([&] {
    signals.wait();
    return busy.acts();
  });
  const auto writer = spawn([&] {
    raise(SIGUSR1);
    return busy.acts();
  });
  return reader.join() - writer.join();
}

/// Acts that pass after the deadline of a sleeper before it goes on.
unsigned acts_until_timer(int count, const std::function<void()>& act) {
  using clock = std::chrono::steady_clock;
  // It must sleep before its deadline: on a slow machine that takes more than one attempt.
  for (auto lead = std::chrono::milliseconds(3);; lead *= 4) {
    REQUIRE(lead < std::chrono::minutes(1));
    unsigned at_deadline = 0;
    const auto deadline = clock::now() + lead;
    const spinners busy(count, [&, act] {
      if (clock::now() < deadline) at_deadline = busy.acts();
      act();
    });
    bool in_time = false;
    const auto sleeper = spawn([&] {
      in_time = clock::now() < deadline;
      offshoot::sleep_until(deadline);
      return busy.acts();
    });
    const unsigned acts = sleeper.join();
    if (in_time) return acts - at_deadline;
  }
}

/// As one greenlet, or a few, or more than run in a turn. The one that wakes stands last in the
/// queue, so all of them run once more; and one turn may have begun just before.
void check_bounds(const std::function<void()>& act, unsigned acts_per_switch) {
  for (const int count : {1, 3, 1000}) {
    CAPTURE(count);
    const unsigned bound =
        acts_per_switch * (scheduler::most_switches + static_cast<unsigned>(count) + 2);
    CHECK(acts_until_descriptor(count, act) <= bound);
    CHECK(acts_until_timer(count, act) <= bound);
  }
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "greenlets that yield and never wait starve nobody") {
  check_bounds([] { yield(); }, 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "operations that never had to wait starve nobody") {
  check_bounds([] { scheduler::here().share_turn(); }, scheduler::largest_unshared);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "greenlets that take long between waits are looked after more often") {
  // At first the hub believes them to be quick, and reads the clock too seldom.
  const auto take_long = [] {
    const auto end = offshoot::detail::now() + scheduler::longest_turn;
    while (offshoot::detail::now() < end) continue;
    yield();
  };
  const auto warmed_up = [&] {
    const spinners slow(2, take_long);
    for (unsigned each = 0; each < scheduler::fewest_switches; ++each) yield();
    return acts_until_descriptor(2, take_long);
  };
  CHECK(warmed_up() <= 10);  // four spin; each once or twice
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a few quick greenlets do not make the hub look each round") {
  offshoot::signal_watcher signals({SIGUSR1});
  const auto waiting = spawn([&signals] { signals.wait(); });  // so that there is cause to look
  unsigned looks = 0;
  offshoot::set_trace([&](offshoot::trace_event, const offshoot::greenlet&,
                          const offshoot::greenlet& to) { looks += to.name() == "hub" ? 1 : 0; });
  const auto turns = [] {
    for (int each = 0; each < 1600; ++each) yield();
  };
  const auto one = spawn(turns);
  const auto other = spawn(turns);
  one.join();
  other.join();
  offshoot::set_trace({});
  waiting.kill();
  waiting.join();
  CHECK(looks >= 3200 / scheduler::most_switches);
  CHECK(looks <= 3200 / scheduler::fewest_switches + 20);
}
