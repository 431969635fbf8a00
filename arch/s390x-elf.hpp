/// s390x, the ELF ABI: the C++ half of s390x-elf.S.
#pragma once

#include <cstdint>

#include <ucontext.h>

#include "common.hpp"
#include "link_register.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// The register save area of offshoot_enter, which stores into it. It begins with the back chain:
/// zero.
struct first_frame {
  std::uintptr_t area[20] = {};
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 8;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// r11, the frame pointer where there is one, and r12.
inline context registers_of(_Unwind_Context* frame) noexcept {
  context found = unwound(frame, 11, 12);
  found.sp = _Unwind_GetGR(frame, 15);  // the canonical frame address is 160 bytes above it
  return found;
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& machine = signalled.uc_mcontext;
  return interrupted<std::uintptr_t>(machine.psw.addr, machine.gregs[15], machine.gregs[11],
                                     machine.gregs[12], machine.gregs[14]);
}

/// FPC: masks, rounding mode, and the flags of what has happened.
struct fp_environment {
  std::uint32_t fpc = 0;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("efpc %0" : "=d"(environment.fpc));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("sfpc %0" : : "d"(environment.fpc));
}

}  // namespace offshoot::detail
