/// The report of a fault that the library knows more about than the kernel: a stack overflow, or an
/// access to a stack that guarded mode has closed.
#pragma once

#include <atomic>
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

extern std::atomic<bool> faults_are_reported;
/// Whether they are: threads need a signal_stack.
inline bool reports_faults() noexcept {
  return faults_are_reported.load(std::memory_order_relaxed);
}
/// From now on they are.
void report_faults() noexcept;

}  // namespace offshoot::detail
