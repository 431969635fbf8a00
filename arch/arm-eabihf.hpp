/// 32-bit ARM, EABI, hard-float: the C++ half of arm-eabihf.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"
#include "unwound.hpp"

namespace offshoot::detail {

struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 8;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// r11 and r7, the frame pointers of ARM and of Thumb code.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 11, 7);
}

/// Of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.arm_pc) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.arm_sp);
  found.kept[0] = static_cast<std::uintptr_t>(machine.arm_fp);
  found.kept[1] = static_cast<std::uintptr_t>(machine.arm_r7);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

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

/// There is none.
inline bool shadow_stack_active() noexcept {
  return false;
}

/// Bit 11 of the fault status tells (ARM ARM, "DFSR", WnR).
inline const char* access_of_fault(const void* machine_context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(machine_context)->uc_mcontext;
  return (machine.error_code & (1U << 11U)) != 0 ? "write" : "read";
}

}  // namespace offshoot::detail
