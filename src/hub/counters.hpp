/// The hub's counters as it keeps them.
#pragma once

#include <atomic>
#include <cstdint>

namespace offshoot::detail {

/// Counts on one thread and can be read on another.
class tally {
 public:
  void add_one() noexcept {  // no other thread writes, so this needs no locked instruction
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::uint64_t read() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

/// Named as in hub_counters.
struct hub_counts {
  tally switches;  ///< by which a monitor sees that the hub is alive
  std::uint64_t wakeups = 0;
  std::uint64_t timers = 0;
  std::uint64_t expired = 0;
  std::uint64_t polls = 0;
  std::uint64_t prefetches = 0;
};

}  // namespace offshoot::detail
