/// What happens when handles go away.
#pragma once

#include "core/thread_state.hpp"

namespace offshoot::detail {

/// Raises greenlet_exit in a suspended greenlet of this thread that nobody has a handle to, and
/// returns when it has finished or has saved itself (S20, S21).
void kill(thread_state& here, control_block& victim) noexcept;

/// Releases what other threads have dropped (S22).
void drain_called_queue(thread_state& here) noexcept;
inline void drain_queue(thread_state& here) noexcept {
  if (here.called()) [[unlikely]]
    drain_called_queue(here);
}
/// Releases each of a queue that was taken from the registry.
void release_queue(control_block* first) noexcept;

/// Destroys one that has no reference left. Returns its parent, which has one less now: the
/// caller's to release.
control_block* destroy(control_block* unreferenced) noexcept;

/// The thread ends: unwinds all its suspended greenlets (S23), then its main one is dead.
void unwind_all(thread_state& here) noexcept;

/// What a greenlet does that is being destroyed and would suspend (S21): throws greenlet_exit
/// again, ends the process when that was swallowed too often, or returns if it has saved itself.
void refuse_to_suspend(thread_state& here, control_block& self);

/// For an exception that has no receiver.
void report_unraisable(std::exception_ptr exception, control_block& origin) noexcept;

/// Prints "offshoot: ..." and aborts.
[[noreturn]] void fatal(const std::string& message) noexcept;

}  // namespace offshoot::detail
