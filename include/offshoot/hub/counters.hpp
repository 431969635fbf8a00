/// What a hub has done so far, in numbers.
#pragma once

#include <offshoot/export.hpp>

#include <cstdint>

namespace offshoot {

/// Since the thread's hub was made; the last two since the thread's first greenlet. They only grow:
/// the difference of two says what happened in between.
struct hub_counters {
  /// Switches of greenlets that the hub made, those to its own greenlet included. Whoever is next
  /// itself goes on without one; those of generators and coroutines, and what a program switches by
  /// itself, are not the hub's.
  std::uint64_t switches = 0;
  std::uint64_t wakeups = 0;       ///< waiting greenlets that were made ready, by whatever
  std::uint64_t timers = 0;        ///< waits with a limit: sleeps and time-outs
  std::uint64_t expired = 0;       ///< of those, ended by their limit
  std::uint64_t polls = 0;         ///< looks at the reactor: about one system call each
  std::uint64_t prefetches = 0;    ///< greenlets asked for from memory a turn ahead: of many tasks
  std::uint64_t evictions = 0;     ///< as copy_counts::evictions (trace.hpp)
  std::uint64_t bytes_copied = 0;  ///< as copy_counts::bytes
};

/// Of the calling thread. All zero if it has no hub. Costs a few loads.
OFFSHOOT_API hub_counters counters() noexcept;

}  // namespace offshoot
