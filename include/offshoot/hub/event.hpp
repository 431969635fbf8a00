/// `event`: something that has happened, or not yet.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

namespace offshoot {

/// A flag that greenlets of one thread wait for, that of its first use; elsewhere all but the
/// destructor throws `wrong_thread`. Must outlive its users; who waits when it is destroyed gets a
/// `greenlet_error`.
class OFFSHOOT_API event {
 public:
  /// Waits until it is set; returns at once if it is. Throws `greenlet_exit` when killed,
  /// `timed_out`, std::bad_alloc.
  void wait() { static_cast<void>(wait_by(detail::never)); }
  /// False: it was not set within that time, or until then.
  bool wait_for(std::chrono::nanoseconds time) { return wait_by(detail::instant_after(time)); }
  bool wait_until(std::chrono::steady_clock::time_point deadline) {
    return wait_by(detail::instant_of(deadline));
  }

  /// Sets it. All that wait go on, in their order, even if it is cleared before they run.
  void set();
  void clear() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

 private:
  bool wait_by(detail::instant deadline);

  bool set_ = false;
  detail::waiting_line line_;
};

}  // namespace offshoot
