/// i386, System V ABI: the C++ half of x86-sysv.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common.hpp"
#include "x86.hpp"

namespace offshoot::detail {

struct first_frame {
  std::uintptr_t above[4] = {0, 0, 0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// ebp and ebx, in the psABI's numbers (2.5.1).
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 5, 3);
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& all = signalled.uc_mcontext.gregs;
  return interrupted(all[REG_EIP], all[REG_ESP], all[REG_EBP], all[REG_EBX]);
}

/// Where a call has left its return address, from what the stack pointer is after the return.
inline constexpr std::ptrdiff_t return_slot = -4;

/// Linux gives shadow stacks to 64-bit programs only.
inline bool shadow_stack_active() noexcept {
  return false;
}

}  // namespace offshoot::detail
