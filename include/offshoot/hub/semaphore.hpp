/// `semaphore`: a number of permits.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

#include <cstddef>

namespace offshoot {

/// Permits to be acquired and released by greenlets of one thread, that of its first use; elsewhere
/// all but the destructor throws `wrong_thread`. Fair: a permit goes to who has waited longest, and
/// is theirs at once. One who is killed or timed out leaves it to the next. Must outlive its users;
/// who waits when it is destroyed gets a `greenlet_error`.
class OFFSHOOT_API semaphore {
 public:
  explicit semaphore(std::size_t permits) noexcept : permits_(permits) {}

  /// Waits for a permit. Throws `greenlet_exit` when killed, `timed_out`, std::bad_alloc; there is
  /// no permit to be released then.
  void acquire() { static_cast<void>(acquire_by(detail::never)); }
  /// False: there was none within that time, until then, or now.
  bool try_acquire_for(std::chrono::nanoseconds time) {
    return acquire_by(detail::instant_after(time));
  }
  bool try_acquire_until(std::chrono::steady_clock::time_point deadline) {
    return acquire_by(detail::instant_of(deadline));
  }
  bool try_acquire();
  void release(std::size_t permits = 1);

  /// How many could be acquired now.
  std::size_t available() const noexcept { return permits_; }

 private:
  bool acquire_by(detail::instant deadline);

  std::size_t permits_;  ///< not 0: nobody waits
  detail::waiting_line line_;
};

}  // namespace offshoot
