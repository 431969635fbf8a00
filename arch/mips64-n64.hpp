/// mips64, n64 ABI, hard-float: the C++ half of mips64-n64.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// fp and s0.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 30, 16);
}

/// Of what a signal has interrupted: the address even, as the unwinder gives it back, which takes
/// bit 0 for that of MIPS16.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.pc + 1, machine.gregs[29], machine.gregs[30],
                                     machine.gregs[16], machine.gregs[31]);
}

/// FCSR: rounding mode, enabled exceptions, and the flags of what has happened.
struct fp_environment {
  std::uint32_t fcsr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("cfc1 %0, $31" : "=r"(environment.fcsr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("ctc1 %0, $31" : : "r"(environment.fcsr));
}

}  // namespace offshoot::detail
