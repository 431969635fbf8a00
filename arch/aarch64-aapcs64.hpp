/// aarch64, AAPCS64: the C++ half of aarch64-aapcs64.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// A frame record of zeros: no caller (AAPCS64 6.4.6).
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// x29, the frame pointer, and x19, in the numbers of "DWARF for the Arm 64-bit Architecture".
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 29, 19);
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.pc, machine.sp, machine.regs[29], machine.regs[19],
                                     machine.regs[30]);
}

/// FPCR: rounding mode, trap enables, flush to zero.
struct fp_environment {
  std::uint64_t fpcr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("mrs %0, fpcr" : "=r"(environment.fpcr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("msr fpcr, %0" : : "r"(environment.fpcr));
}

}  // namespace offshoot::detail
