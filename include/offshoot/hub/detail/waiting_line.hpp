/// Those who wait for a primitive of synchronisation, in order of arrival.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/wait_list.hpp>

namespace offshoot::detail {

class scheduler;
struct record;

/// Belongs to the thread that first uses it.
class OFFSHOOT_API waiting_line {
 public:
  waiting_line() noexcept = default;
  waiting_line(const waiting_line&) = delete;
  waiting_line& operator=(const waiting_line&) = delete;
  /// Whoever still waits gets a `greenlet_error`.
  ~waiting_line();

  /// The thread's hub. Throws `wrong_thread` if it is not this line's.
  scheduler& enter() const;
  /// Gives the first what it waits for, and wakes it. Null if nobody waits.
  record* give_to_first() noexcept;

  bool empty() const noexcept { return members.empty(); }

  wait_list members;

 private:
  mutable const scheduler* home_ = nullptr;
};

}  // namespace offshoot::detail
