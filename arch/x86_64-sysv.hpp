/// x86-64, System V ABI: the C++ half of x86_64-sysv.S, which explains both.
#pragma once

#include <cstddef>
#include <cstdint>

#include <ucontext.h>

#include "core/context.hpp"

namespace offshoot::detail {

/// What a greenlet's stack holds before it first runs: zeros, where a return address would lead on.
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - sizeof(first_frame);
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  fresh.kept[0] = 0;  // rbp: zero ends the chain of frame pointers
  *reinterpret_cast<first_frame*>(fresh.sp) = first_frame{};
}

/// What a frame had in its registers, as an unwinder knows them: 6 is rbp and 3 rbx in the psABI's
/// numbers (3.6.2). ip is always that of a caller, behind the instruction
/// that is at work.
inline context registers_of(_Unwind_Context* frame) noexcept {
  int interrupted = 0;
  context found;
  found.ip = _Unwind_GetIPInfo(frame, &interrupted);
  if (interrupted != 0) ++found.ip;
  found.sp = _Unwind_GetCFA(frame);
  found.kept[0] = _Unwind_GetGR(frame, 6);
  found.kept[1] = _Unwind_GetGR(frame, 3);
  return found;
}

/// The same of what a signal has interrupted.
inline context registers_of(const ucontext_t& interrupted) noexcept {
  const auto& all = interrupted.uc_mcontext.gregs;
  const auto word = [&all](int which) { return static_cast<std::uintptr_t>(all[which]); };
  context found;
  found.ip = word(REG_RIP) + 1;
  found.sp = word(REG_RSP);
  found.kept[0] = word(REG_RBP);
  found.kept[1] = word(REG_RBX);
  return found;
}

/// Where a call has left its return address, from what the stack pointer is after the return.
inline constexpr std::ptrdiff_t return_slot = -8;

/// MXCSR (control and status bits) and the x87 control word.
struct fp_environment {
  std::uint32_t mxcsr = 0x1f80;
  std::uint16_t x87_control = 0x037f;
};

inline void store(fp_environment& environment) noexcept {
  asm volatile("stmxcsr %0" : "=m"(environment.mxcsr));
  asm volatile("fnstcw %0" : "=m"(environment.x87_control));
}

inline void load(const fp_environment& environment) noexcept {
  asm volatile("ldmxcsr %0" : : "m"(environment.mxcsr));
  asm volatile("fldcw %0" : : "m"(environment.x87_control));
}

/// Whether the kernel enforces a shadow stack (CET) on this thread. `rdsspq` is a no-op where there
/// is none (Intel SDM, volume 1, chapter 17), which leaves the zero in place.
inline bool shadow_stack_active() noexcept {
  std::uint64_t pointer = 0;
  asm volatile("rdsspq %0" : "+r"(pointer));
  return pointer != 0;
}

/// Bit 1 of the page fault's error code tells (Intel SDM, volume 3, 4.7).
inline const char* access_of_fault(const void* machine_context) noexcept {
  const auto& registers = static_cast<const ucontext_t*>(machine_context)->uc_mcontext.gregs;
  return (registers[REG_ERR] & 2) != 0 ? "write" : "read";
}

}  // namespace offshoot::detail
