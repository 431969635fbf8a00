/// x86-64, System V ABI: the C++ half of x86_64-sysv.S, which explains both.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common.hpp"
#include "x86.hpp"

namespace offshoot::detail {

/// A greenlet's stack holds nothing before it first runs: that nothing leads on from there is said
/// by the unwind information of offshoot_start, and by the zero in rbp.
struct first_frame {};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  lay<first_frame>(stop, fresh);
}

/// rbp and rbx, in the psABI's numbers (3.6.2).
inline context registers_of(_Unwind_Context* frame) noexcept {
  return unwound(frame, 6, 3);
}

/// Of what a signal has interrupted.
inline interruption registers_of(const ucontext_t& signalled) noexcept {
  const auto& all = signalled.uc_mcontext.gregs;
  interruption found = interrupted(all[REG_RIP], all[REG_RSP], all[REG_RBP], all[REG_RBX]);
  found.target = static_cast<std::uintptr_t>(all[REG_RDI]);
  return found;
}

/// Where a call has left its return address, from what the stack pointer is after the return.
inline constexpr std::ptrdiff_t return_slot = -8;

/// Whether the kernel enforces a shadow stack (CET) on this thread. `rdsspq` is a no-op where there
/// is none (Intel SDM, volume 1, chapter 17), which leaves the zero in place.
inline bool shadow_stack_active() noexcept {
  std::uint64_t pointer = 0;
  asm volatile("rdsspq %0" : "+r"(pointer));
  return pointer != 0;
}

}  // namespace offshoot::detail
