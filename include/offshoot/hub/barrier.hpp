/// `barrier`: a place where a number of greenlets wait for each other.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

#include <cstddef>

namespace offshoot {

/// Lets `count` greenlets go on together, again and again. Belongs to the thread of its first use;
/// elsewhere all but the destructor throws `wrong_thread`. Must outlive its users; who waits when
/// it is destroyed gets a `greenlet_error`.
class OFFSHOOT_API barrier {
 public:
  /// Throws std::invalid_argument if `count` is 0.
  explicit barrier(std::size_t count);

  /// Waits until as many have arrived as are expected. Throws `greenlet_exit` when killed,
  /// `timed_out`, std::bad_alloc; the caller has then not arrived.
  void arrive_and_wait() { static_cast<void>(arrive_by(detail::never)); }
  /// False: the others did not come within that time, or until then; nor has the caller, then.
  bool arrive_and_wait_for(std::chrono::nanoseconds time) {
    return arrive_by(detail::instant_after(time));
  }
  bool arrive_and_wait_until(std::chrono::steady_clock::time_point deadline) {
    return arrive_by(detail::instant_of(deadline));
  }
  /// One less is expected from now on. Throws `greenlet_error` if none is expected any more.
  void arrive_and_drop();

  /// How many wait now.
  std::size_t waiting() const noexcept { return arrived_; }

 private:
  bool arrive_by(detail::instant deadline);
  void let_go() noexcept;

  std::size_t expected_;
  std::size_t arrived_ = 0;
  detail::waiting_line line_;
};

}  // namespace offshoot
