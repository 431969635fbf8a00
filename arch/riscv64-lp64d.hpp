/// riscv64, the lp64d ABI: the C++ half of riscv64-lp64d.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"
#include "unwound.hpp"

namespace offshoot::detail {

/// What lies above a frame pointer of zero: no caller's address and frame.
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// s0, the frame pointer, and s1, in the numbers of the psABI.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 8, 9);
}

/// Of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.__gregs[REG_PC]) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.__gregs[REG_SP]);
  found.kept[0] = static_cast<std::uintptr_t>(machine.__gregs[REG_S0]);
  found.kept[1] = static_cast<std::uintptr_t>(machine.__gregs[REG_S0 + 1]);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

/// fcsr: rounding mode, and the flags of what has happened. RISC-V has no exceptions to mask.
struct fp_environment {
  std::uint64_t fcsr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("frcsr %0" : "=r"(environment.fcsr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("fscsr %0" : : "r"(environment.fcsr));
}

/// No Linux that this was tried on has one (Zicfiss).
inline bool shadow_stack_active() noexcept {
  return false;
}

/// The machine context does not tell.
inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
