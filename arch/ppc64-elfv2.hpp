/// ppc64 and ppc64le, ELFv2 ABI: the C++ half of ppc64-elfv2.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"
#include "unwound.hpp"

namespace offshoot::detail {

/// The header of offshoot_start's frame, into which offshoot_enter stores. It begins with the back
/// chain: zero.
struct first_frame {
  std::uintptr_t header[4] = {};
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// r31, the frame pointer where there is one, and r30.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 31, 30);
}

/// Of what a signal has interrupted: 32 is the next instruction (asm/ptrace.h).
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.gp_regs[32]) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.gp_regs[1]);
  found.kept[0] = static_cast<std::uintptr_t>(machine.gp_regs[31]);
  found.kept[1] = static_cast<std::uintptr_t>(machine.gp_regs[30]);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

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

/// There is none. (ROP protection of POWER10 hashes by the stack pointer, to which a slice comes
/// back.)
inline bool shadow_stack_active() noexcept {
  return false;
}

/// The machine context does not tell.
inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
