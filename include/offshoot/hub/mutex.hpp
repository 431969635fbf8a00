/// `mutex` and `recursive_mutex`, for std::lock_guard, std::unique_lock and std::scoped_lock.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

#include <cstddef>
#include <cstdint>

namespace offshoot {

/// Mutual exclusion of greenlets of one thread, that of its first use; elsewhere all but the
/// destructor throws `wrong_thread`. Needed only around what waits: greenlets change at no other
/// place. Fair: unlocked, it is at once that of who has waited longest. Must outlive its users; who
/// waits when it is destroyed gets a `greenlet_error`. Who ends without unlocking it leaves it
/// locked for good.
class OFFSHOOT_API mutex {
 public:
  /// Waits until it is the caller's. Throws std::system_error (resource_deadlock_would_occur) if it
  /// is already, `greenlet_exit` when killed, `timed_out`, std::bad_alloc.
  void lock() { static_cast<void>(lock_by(detail::never)); }
  /// False: it was not to be had within that time, until then, or now.
  bool try_lock_for(std::chrono::nanoseconds time) { return lock_by(detail::instant_after(time)); }
  bool try_lock_until(std::chrono::steady_clock::time_point deadline) {
    return lock_by(detail::instant_of(deadline));
  }
  bool try_lock();
  /// Throws std::system_error (operation_not_permitted) if it is not the caller's.
  void unlock();

  bool is_locked() const noexcept { return owner_ != nobody; }
  /// Whether the current greenlet holds it.
  bool is_mine() const;

 private:
  friend class condition;
  friend class recursive_mutex;
  bool lock_by(detail::instant deadline);
  void hand_over() noexcept;
  void give_or_queue(detail::record& waiting) noexcept;

  static constexpr std::uint64_t nobody = 0;
  std::uint64_t owner_ = nobody;  ///< its id: it may end without unlocking
  detail::waiting_line line_;
};

/// One that its owner may lock again; it is free when unlocked as often.
class OFFSHOOT_API recursive_mutex {
 public:
  /// As those of `mutex`, but for the deadlock.
  void lock() { static_cast<void>(lock_by(detail::never)); }
  bool try_lock_for(std::chrono::nanoseconds time) { return lock_by(detail::instant_after(time)); }
  bool try_lock_until(std::chrono::steady_clock::time_point deadline) {
    return lock_by(detail::instant_of(deadline));
  }
  bool try_lock();
  void unlock();

 private:
  bool lock_by(detail::instant deadline);

  mutex mutex_;
  std::size_t depth_ = 0;
};

}  // namespace offshoot
