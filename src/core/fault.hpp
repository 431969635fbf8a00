/// The report of a fault that the library knows more about than the kernel: a stack overflow, or an
/// access to a stack that guarded mode has closed.
#pragma once

#include <cstddef>

#include "core/mapping.hpp"

namespace offshoot::detail {

/// An alternate signal stack for the thread that installs it: a handler cannot run on a stack that
/// is used up.
class signal_stack {
 public:
  signal_stack() noexcept = default;
  signal_stack(const signal_stack&) = delete;
  signal_stack& operator=(const signal_stack&) = delete;

  /// No-op the second time, and for a thread that has one already. Throws `out_of_stacks`.
  void install();
  /// On the same thread.
  void remove() noexcept;

 private:
  bool settled_ = false;
  mapping memory_;
};

/// Whether faults are reported: threads need a signal_stack.
bool reports_faults() noexcept;
/// From now on they are.
void report_faults() noexcept;

}  // namespace offshoot::detail
