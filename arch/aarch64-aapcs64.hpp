/// aarch64, AAPCS64: the C++ half of aarch64-aapcs64.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"
#include "unwound.hpp"

namespace offshoot::detail {

/// A frame record of zeros: no caller (AAPCS64 6.4.6).
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// x29, the frame pointer, and x19, in the numbers of "DWARF for the Arm 64-bit Architecture".
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 29, 19);
}

/// Of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.pc) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.sp);
  found.kept[0] = static_cast<std::uintptr_t>(machine.regs[29]);
  found.kept[1] = static_cast<std::uintptr_t>(machine.regs[19]);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

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

/// The guarded control stack is not asked for: no Linux that this was tried on has one.
inline bool shadow_stack_active() noexcept {
  return false;
}

/// The machine context has no field for it: the syndrome is in a record that not every kernel
/// writes.
inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
