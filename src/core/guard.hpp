/// Guarded mode: closing the stacks of suspended greenlets, and measuring them.
#pragma once

#include <offshoot/guard.hpp>

#include <cstddef>

#include "core/control_block.hpp"
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

/// How much of a greenlet's stack was ever in use. The region was zero when it began: counts from
/// the lowest word that is not. 0 if this mode is off, and for one without a region of its own.
std::size_t high_water(const control_block& active) noexcept;

}  // namespace offshoot::detail
