/// loongarch64, the LP64D ABI: the C++ half of loongarch64-lp64d.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// Nothing: a frame record lies below the frame pointer, and that of offshoot_enter says zero.
struct first_frame {};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// $fp, and $s8, which LLVM takes where a frame has no fixed size: the numbers are DWARF's, too.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 22, 31);
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.__pc, machine.__gregs[3], machine.__gregs[22],
                                     machine.__gregs[31], machine.__gregs[1]);
}

/// FCSR0: rounding mode, enabled exceptions, and the flags of what has happened.
struct fp_environment {
  std::uint32_t fcsr = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("movfcsr2gr %0, $fcsr0" : "=r"(environment.fcsr));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("movgr2fcsr $fcsr0, %0" : : "r"(environment.fcsr));
}

}  // namespace offshoot::detail
