/// Guarded mode: closing the stacks of suspended greenlets.
#pragma once

#include <offshoot/guard.hpp>
#include <offshoot/placement.hpp>

#include <cstddef>

#include "core/stack.hpp"

namespace offshoot::detail {

/// Whether a greenlet of this placement gets a region that is closed while it is suspended.
bool is_guarded(placement where) noexcept;

/// Bytes of stack for one that would have a lane, or the rest of somebody else's stack.
std::size_t guarded_stack_bytes(placement where) noexcept;

/// Makes a region inaccessible, and accessible again. May run on the transfer stack.
void close_region(region& where) noexcept;
void open_region(region& where) noexcept;

/// How many are closed now, on all threads.
int closed_regions() noexcept;

}  // namespace offshoot::detail
