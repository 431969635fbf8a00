/// All threads that have greenlets: for what one of them must say to another. Takes a lock, and so
/// is never on the switch path (S25).
#pragma once

#include "core/thread_state.hpp"

namespace offshoot::detail::registry {

/// A thread_state for the calling thread, new or used before. Throws std::bad_alloc.
thread_state& enlist();
/// The calling thread ends. Returns what was dropped too late to be unwound: it has finished by
/// now.
control_block* delist(thread_state& leaving) noexcept;

/// The first of all that ever were, linked by `next`. Takes no lock: none of them is ever freed.
thread_state* first() noexcept;

/// Gives up one reference of a greenlet that another thread may own. If that was the last handle of
/// an active one, the reference goes to the owner's queue instead, to be released there at its next
/// switch (S22). Returns true if it was the last reference of all: then the caller destroys it.
bool drop_from_afar(control_block& dropped) noexcept;
/// Puts a reference to a greenlet of the calling thread in the same queue.
void postpone(thread_state& owner, control_block& dropped) noexcept;
/// Takes the whole queue of the calling thread, first come first.
control_block* take_queue(thread_state& owner) noexcept;

/// The system's number of the thread that owns `active`; 0 if that has ended.
pid_t owner_of(const control_block& active) noexcept;

}  // namespace offshoot::detail::registry
