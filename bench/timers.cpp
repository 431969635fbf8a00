/// The hub's timers beside a std::priority_queue under the same load: some thousand waits under
/// way, each begun with a time-out that is nearly always called off, as those of sockets are; and
/// sleeps, which all run to their end.
#include "hub/timers.hpp"

#include <cstddef>
#include <cstdint>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "harness.hpp"

namespace bench {
namespace {

using offshoot::detail::instant;
using offshoot::detail::never;

/// The plain one: an entry for each arming; those that do not count any more are found out when
/// their time comes.
class plain_timers {
 public:
  explicit plain_timers(std::size_t count) : deadlines_(count, never) {}
  void arm(std::size_t which, instant deadline) {
    deadlines_[which] = deadline;
    queue_.push({deadline, which});
  }
  void disarm(std::size_t which) { deadlines_[which] = never; }
  std::size_t expire(instant now) {
    while (!queue_.empty() && queue_.top().due <= now) {
      const entry first = queue_.top();
      queue_.pop();
      if (deadlines_[first.which] != first.due) continue;
      deadlines_[first.which] = never;
      return first.which;
    }
    return nobody;
  }
  static constexpr std::size_t nobody = ~std::size_t{0};

 private:
  struct entry {
    instant due;
    std::size_t which;
    bool operator<(const entry& other) const { return due > other.due; }
  };
  std::priority_queue<entry> queue_;
  std::vector<instant> deadlines_;
};

class hub_timers {
 public:
  explicit hub_timers(std::size_t count) : nodes_(count) {}
  void arm(std::size_t which, instant deadline) { heap_.arm(nodes_[which], deadline); }
  void disarm(std::size_t which) { heap_.disarm(nodes_[which]); }
  std::size_t expire(instant now) {
    const auto* const due = heap_.expire(now);
    return due != nullptr ? static_cast<std::size_t>(due - nodes_.data()) : nobody;
  }
  static constexpr std::size_t nobody = ~std::size_t{0};

 private:
  std::vector<offshoot::detail::timer_node> nodes_;
  offshoot::detail::timer_heap heap_;
};

/// Random numbers made beforehand: the generator is not what is measured.
std::vector<std::uint32_t> dice() {
  std::mt19937 random(1);
  std::vector<std::uint32_t> thrown(1U << 22U);
  for (auto& each : thrown) each = static_cast<std::uint32_t>(random());
  return thrown;
}

/// One wait for each iteration: the time-out of the one before it at the same socket is called off,
/// and one armed. A socket's turn comes every `count` iterations on average, its time-out after
/// seven times that: about one in a thousand comes. Measured when as many entries come up as are
/// put in.
template <class Timers>
void time_outs(benchmark::State& state, std::size_t count) {
  const auto thrown = dice();
  Timers timers(count);
  instant now = 0;
  std::size_t turn = 0;
  const auto wait = [&] {
    const std::size_t which = thrown[turn++ % thrown.size()] % count;
    timers.disarm(which);
    timers.arm(which, now + static_cast<instant>(count) * 7);
    while (timers.expire(now) != Timers::nobody) continue;
    ++now;
  };
  for (std::size_t left = 8 * count; left != 0; --left) wait();
  for (auto _ : state) wait();
}

/// One sleep for each iteration: who wakes sleeps again, for a time of its own.
template <class Timers>
void sleeps(benchmark::State& state, std::size_t count) {
  const auto thrown = dice();
  Timers timers(count);
  for (std::size_t each = 0; each < count; ++each) {
    timers.arm(each, static_cast<instant>(thrown[each % thrown.size()] % (2 * count)));
  }
  instant now = 0;
  std::size_t turn = 0;
  for (auto _ : state) {
    std::size_t woken = timers.expire(now);
    for (; woken == Timers::nobody; woken = timers.expire(now)) ++now;
    timers.arm(woken, now + 1 + static_cast<instant>(thrown[turn++ % thrown.size()] % (2 * count)));
  }
}

}  // namespace

void add_timers() {
  for (const std::size_t count :
       {std::size_t{1000}, std::size_t{100'000}, std::size_t{1'000'000}}) {
    if (count > 100'000 && !everything) continue;
    const std::string number = std::to_string(count);
    const auto both = [&](const char* what, body plain, body ours) {
      add({"timers", what, "priority_queue", number}, std::move(plain));
      add({"timers", what, "hub", number}, std::move(ours));
    };
    both(
        "time_outs", [count](auto& state) { time_outs<plain_timers>(state, count); },
        [count](auto& state) { time_outs<hub_timers>(state, count); });
    both(
        "sleeps", [count](auto& state) { sleeps<plain_timers>(state, count); },
        [count](auto& state) { sleeps<hub_timers>(state, count); });
  }
}

}  // namespace bench
