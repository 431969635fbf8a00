/// s390x, the ELF ABI: the C++ half of s390x-elf.S.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"
#include "unwound.hpp"

namespace offshoot::detail {

/// The register save area of offshoot_enter, which stores into it. It begins with the back chain:
/// zero.
struct first_frame {
  std::uintptr_t area[20] = {};
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 8;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// r11, the frame pointer where there is one, and r12.
inline context registers_of(_Unwind_Context* frame) noexcept {
  context found = unwound(frame, 11, 12);
  found.sp = _Unwind_GetGR(frame, 15);  // the canonical frame address is 160 bytes above it
  return found;
}

/// Of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.psw.addr) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.gregs[15]);
  found.kept[0] = static_cast<std::uintptr_t>(machine.gregs[11]);
  found.kept[1] = static_cast<std::uintptr_t>(machine.gregs[12]);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

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

/// There is none.
inline bool shadow_stack_active() noexcept {
  return false;
}

/// The machine context does not tell.
inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
