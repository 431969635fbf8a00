/// `shared_mutex`: many readers or one writer, for std::shared_lock and std::unique_lock.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

#include <cstddef>
#include <cstdint>

namespace offshoot {

/// Exclusion among greenlets of one thread, that of its first use; elsewhere all but the destructor
/// throws `wrong_thread`. Fair: in the order of arrival, readers that stand next to each other
/// together. So a reader waits behind a writer that waits, and who locks it shared twice can wait
/// for itself. Must outlive its users; who waits when it is destroyed gets a `greenlet_error`.
class OFFSHOOT_API shared_mutex {
 public:
  /// Waits until it is the caller's alone. Throws std::system_error (resource_deadlock_would_occur)
  /// if it is already, `greenlet_exit` when killed, `timed_out`, std::bad_alloc.
  void lock() { static_cast<void>(lock_by(detail::never)); }
  /// False: it was not to be had within that time, until then, or now.
  bool try_lock_for(std::chrono::nanoseconds time) { return lock_by(detail::instant_after(time)); }
  bool try_lock_until(std::chrono::steady_clock::time_point deadline) {
    return lock_by(detail::instant_of(deadline));
  }
  bool try_lock();
  /// Throws std::system_error (operation_not_permitted) if it is not the caller's alone.
  void unlock();

  /// The same, together with other readers.
  void lock_shared() { static_cast<void>(lock_shared_by(detail::never)); }
  bool try_lock_shared_for(std::chrono::nanoseconds time) {
    return lock_shared_by(detail::instant_after(time));
  }
  bool try_lock_shared_until(std::chrono::steady_clock::time_point deadline) {
    return lock_shared_by(detail::instant_of(deadline));
  }
  bool try_lock_shared();
  /// Throws std::system_error (operation_not_permitted) if nobody reads.
  void unlock_shared();

 private:
  bool lock_by(detail::instant deadline);
  bool lock_shared_by(detail::instant deadline);
  bool wait(bool exclusive, const char* reason, detail::instant deadline);
  void let_in() noexcept;

  static constexpr std::uint64_t nobody = 0;
  std::uint64_t writer_ = nobody;  ///< its id: it may end without unlocking
  std::size_t readers_ = 0;
  detail::waiting_line line_;
};

}  // namespace offshoot
