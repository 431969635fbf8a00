/// riscv64, the lp64d ABI: the C++ half of riscv64-lp64d.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// What lies above a frame pointer of zero: no caller's address and frame.
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// s0, the frame pointer, and s1, in the numbers of the psABI.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 8, 9);
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.__gregs[REG_PC], machine.__gregs[REG_SP],
                                     machine.__gregs[REG_S0], machine.__gregs[REG_S0 + 1],
                                     machine.__gregs[REG_RA]);
}

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

}  // namespace offshoot::detail
