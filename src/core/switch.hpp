/// From one greenlet to another, step by step: docs/design.md, "The switch".
#pragma once

#include <offshoot/detail/switch.hpp>

#include "core/thread_state.hpp"

namespace offshoot::detail {

enum class crossing : std::uint8_t {
  arrived,        ///< somebody has switched back
  foreign_stack,  ///< refused: the stack pointer is not on the current greenlet's stack (S31)
  no_memory,      ///< refused: no room for the bytes at stake (S29)
};

/// Leaves the current greenlet for `to`, which is active or was just begun, with `what`. If it does
/// not return `arrived`, nothing has changed, except that `what` is gone and a begun `to` is
/// unstarted again. Always leaves if the current greenlet is leaving for good.
crossing cross(thread_state& here, control_block& to, delivery&& what) noexcept;

/// The first switch to `target`, which is unstarted and this thread's, with nothing to be looked
/// at: no tracer, no environment of its own, no exception on the way.
value start(thread_state& here, control_block* target);

/// A switch with nothing that could not be made by registers alone.
value switch_refused(thread_state* here, control_block* target);

/// The other end: does the chores that the departed one left, and hands out what it sent.
value arrive(thread_state& here);

/// The first of `first` and its ancestors that is not finished; null if there is none.
inline control_block* nearest_live(control_block* first) noexcept {
  while (first != nullptr && first->state() == life::finished) first = first->parent_now();
  return first;
}

/// Who receives `what` that goes to `first` and, wherever it cannot be received, on to the next
/// ancestor (S9, S15, S16). Begins an unstarted receiver.
control_block& receiver_of(thread_state& here, control_block* first, delivery& what) noexcept;

/// An exception that is a greenlet_exit becomes a value (S13).
void soften(delivery& what) noexcept;

/// Gives `target` a stack and makes it active. Throws, with nothing changed, if there is none.
void begin(thread_state& here, control_block& target);
void undo_begin(thread_state& here, control_block& target) noexcept;
/// Finishes a greenlet that will never start. The captures that it destroys are user code, which
/// may drop what we are about to look at: it and its ancestors are kept until the next arrival.
void discard(thread_state& here, control_block& unstarted) noexcept;
void release_discarded(thread_state& here) noexcept;
/// A finished greenlet's stack goes back, and its thread lets go of it.
void bury(thread_state& here, control_block& corpse) noexcept;

[[noreturn]] void throw_empty_handle();
[[noreturn]] void throw_wrong_thread(const control_block* target, const char* what);

inline control_block& dereference(control_block* block) {
  if (block == nullptr) throw_empty_handle();
  return *block;
}

}  // namespace offshoot::detail
