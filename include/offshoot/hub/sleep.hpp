/// Letting others run: for a time, until a time, or once round.
#pragma once

#include <offshoot/export.hpp>

#include <chrono>

namespace offshoot {

/// The clock that deadlines are of: the steady clock, unless the thread's hub simulates time.
struct OFFSHOOT_API hub_clock : std::chrono::steady_clock {
  /// Makes the calling thread's hub if need be, and throws what that throws.
  static time_point now();
};

/// Waits until the `hub_clock` has reached `deadline`, while other greenlets of this thread run;
/// as `yield` if that has passed already. Never returns early. Any greenlet may call it, the main
/// one too. Throws std::bad_alloc, `greenlet_exit` when killed meanwhile, and `timed_out`.
OFFSHOOT_API void sleep_until(std::chrono::steady_clock::time_point deadline);

/// The same, counted from now. A time too long for the clock is for ever.
OFFSHOOT_API void sleep_for(std::chrono::nanoseconds time);

/// Lets every greenlet that is ready now run first, and once in a while the hub look at descriptors
/// and timers. Returns at once, without a switch, if nobody is ready. Throws as `sleep_until`.
OFFSHOOT_API void yield();

}  // namespace offshoot
