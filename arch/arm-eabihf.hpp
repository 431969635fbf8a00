/// 32-bit ARM, EABI, hard-float: the C++ half of arm-eabihf.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"

namespace offshoot::detail {

struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 8;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// r11 and r7, the frame pointers of ARM and of Thumb code. What the unwinder of the EHABI calls
/// the frame's address it sets for exceptions only, not for a back trace; r13 is the stack pointer.
/// Nor does it know what a signal has interrupted: g++'s header only makes believe so.
inline context registers_of(_Unwind_Context* frame) noexcept {
  context found;
  found.ip = _Unwind_GetIP(frame);
  found.sp = _Unwind_GetGR(frame, 13);
  found.kept[0] = _Unwind_GetGR(frame, 11);
  found.kept[1] = _Unwind_GetGR(frame, 7);
  return found;
}

/// Of what a signal has interrupted: the address even, as the unwinder gives it back, which takes
/// bit 0 for that of Thumb.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.arm_pc + 1, machine.arm_sp, machine.arm_fp,
                                     machine.arm_r7,
                                     machine.arm_lr & ~1UL);  // less the bit of Thumb
}

/// FPSCR: rounding mode, flush to zero; also the flags of what has happened.
struct fp_environment {
  std::uint32_t fpscr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("vmrs %0, fpscr" : "=r"(environment.fpscr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("vmsr fpscr, %0" : : "r"(environment.fpscr));
}

/// Bit 11 of the fault status tells (ARM ARM, "DFSR", WnR). Of a fault that is never 0, but an
/// emulator may leave it so.
inline const char* access_of_fault(const void* machine_context) noexcept {
  const auto status = static_cast<const ucontext_t*>(machine_context)->uc_mcontext.error_code;
  return status == 0 ? "access" : (status & (1U << 11U)) != 0 ? "write" : "read";
}

}  // namespace offshoot::detail
