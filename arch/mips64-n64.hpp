/// mips64, n64 ABI, hard-float: the C++ half of mips64-n64.S.
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

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// fp and s0.
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 30, 16);
}

/// Of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& machine = interrupted.uc_mcontext;
  context found;
  found.ip = static_cast<std::uintptr_t>(machine.pc) + 1;
  found.sp = static_cast<std::uintptr_t>(machine.gregs[29]);
  found.kept[0] = static_cast<std::uintptr_t>(machine.gregs[30]);
  found.kept[1] = static_cast<std::uintptr_t>(machine.gregs[16]);
  return found;
}

inline constexpr std::ptrdiff_t return_slot = 0;

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

/// There is none.
inline bool shadow_stack_active() noexcept {
  return false;
}

/// The machine context does not tell.
inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
