/// The frames of a greenlet, wherever its bytes lie.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/context.hpp"
#include "core/control_block.hpp"

namespace offshoot::detail {

/// Writes for each frame, innermost first, an address inside the instruction that is at work in it.
/// Returns how many; no more than `room`. Does not allocate from the heap and takes no lock of
/// ours. `from` is in place.
std::size_t unwind(const context& from, std::uintptr_t* addresses, std::size_t room) noexcept;
std::size_t unwind(const interruption& from, std::uintptr_t* addresses, std::size_t room) noexcept;

/// The same for a suspended greenlet. None if its first frame is still to come, or its last has
/// gone.
std::size_t unwind_suspended(control_block& suspended, std::uintptr_t* addresses,
                             std::size_t room) noexcept;

/// The innermost frame of this call that goes on at `returns_to`: the caller of the function whose
/// return address that is. (Where a frame begins is for every ABI to say, and no builtin does.)
context frame_of_caller(const void* returns_to) noexcept;

}  // namespace offshoot::detail
