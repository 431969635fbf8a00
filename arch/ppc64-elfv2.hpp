/// ppc64 and ppc64le, ELFv2 ABI: the C++ half of ppc64-elfv2.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// The header of offshoot_start's frame, into which offshoot_enter stores. It begins with the back
/// chain: zero.
struct first_frame {
  std::uintptr_t header[4] = {};
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// r31, the frame pointer where there is one, and r30.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 31, 30);
}

/// Of what a signal has interrupted: 32 is the next instruction, 36 is LR (asm/ptrace.h).
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.gp_regs[32], machine.gp_regs[1], machine.gp_regs[31],
                                     machine.gp_regs[30], machine.gp_regs[36]);
}

/// FPSCR: rounding mode, enabled exceptions, and the flags of what has happened. It travels in a
/// floating-point register.
struct fp_environment {
  double fpscr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("mffs %0" : "=f"(environment.fpscr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("mtfsf 0xff, %0" : : "f"(environment.fpscr));
}

}  // namespace offshoot::detail
