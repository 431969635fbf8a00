/// CPUs whose calls leave the return address in a register, and Boost.Context, for which it is not
/// known where that is.
#pragma once

#include <cstddef>

namespace offshoot::detail {

inline constexpr std::ptrdiff_t return_slot = 0;

/// Not asked for: no Linux that this was tried on has aarch64's guarded control stack or riscv's
/// Zicfiss. (POWER10's hashes go by the stack pointer, to which a slice comes back.)
inline bool shadow_stack_active() noexcept {
  return false;
}

}  // namespace offshoot::detail
