/// `condition`: what std::condition_variable is, for greenlets.
#pragma once

#include <offshoot/hub/mutex.hpp>

#include <condition_variable>
#include <mutex>

namespace offshoot {

/// Something about what a `mutex` guards that greenlets wait for. Belongs to the thread of its
/// first use; elsewhere all but the destructor throws `wrong_thread`. There are no spurious
/// wake-ups: who is notified waits for the mutex at once, without running in between, and a
/// notification whose receiver is killed goes to the next. Must outlive its users.
class OFFSHOOT_API condition {
 public:
  /// Unlocks, waits to be notified, and locks again, also when it throws: `greenlet_exit` when
  /// killed, `timed_out`, std::bad_alloc, std::system_error (operation_not_permitted) if `lock` is
  /// not locked. Locking again neither a kill nor a time-out ends.
  void wait(std::unique_lock<mutex>& lock) { static_cast<void>(wait_by(lock, detail::never)); }
  std::cv_status wait_until(std::unique_lock<mutex>& lock,
                            std::chrono::steady_clock::time_point deadline) {
    return wait_by(lock, detail::instant_of(deadline));
  }
  std::cv_status wait_for(std::unique_lock<mutex>& lock, std::chrono::nanoseconds time) {
    return wait_by(lock, detail::instant_after(time));
  }

  /// Until `satisfied()`. With a limit: whether it is, at last.
  template <class F>
  void wait(std::unique_lock<mutex>& lock, F satisfied) {
    while (!satisfied()) wait(lock);
  }
  template <class F>
  bool wait_until(std::unique_lock<mutex>& lock, std::chrono::steady_clock::time_point deadline,
                  F satisfied) {
    return wait_by(lock, detail::instant_of(deadline), satisfied);
  }
  template <class F>
  bool wait_for(std::unique_lock<mutex>& lock, std::chrono::nanoseconds time, F satisfied) {
    return wait_by(lock, detail::instant_after(time), satisfied);
  }

  /// Wakes who has waited longest, or all. The mutex need not be held.
  void notify_one();
  void notify_all();

 private:
  std::cv_status wait_by(std::unique_lock<mutex>& lock, detail::instant deadline);
  template <class F>
  bool wait_by(std::unique_lock<mutex>& lock, detail::instant deadline, F& satisfied) {
    while (!satisfied()) {
      if (wait_by(lock, deadline) == std::cv_status::timeout) return satisfied();
    }
    return true;
  }

  detail::waiting_line line_;
};

}  // namespace offshoot
