/// What x86-64 and i386 have in common.
#pragma once

#include <cstdint>

#include <ucontext.h>

namespace offshoot::detail {

/// MXCSR (control and status bits) and the x87 control word.
struct fp_environment {
  std::uint32_t mxcsr = 0x1f80;
  std::uint16_t x87_control = 0x037f;
};

/// An i686 need not have SSE, and a library that is compiled for one may run with programs that do.
inline bool has_mxcsr() noexcept {
#ifdef __SSE__
  return true;
#else
  return __builtin_cpu_supports("sse");
#endif
}

inline void store(fp_environment& environment) noexcept {
  if (has_mxcsr()) asm volatile("stmxcsr %0" : "=m"(environment.mxcsr));
  asm volatile("fnstcw %0" : "=m"(environment.x87_control));
}

inline void load(const fp_environment& environment) noexcept {
  if (has_mxcsr()) asm volatile("ldmxcsr %0" : : "m"(environment.mxcsr));
  asm volatile("fldcw %0" : : "m"(environment.x87_control));
}

/// Bit 1 of the page fault's error code tells (Intel SDM, volume 3, 4.7).
inline const char* access_of_fault(const void* machine_context) noexcept {
  const auto& registers = static_cast<const ucontext_t*>(machine_context)->uc_mcontext.gregs;
  return (registers[REG_ERR] & 2) != 0 ? "write" : "read";
}

}  // namespace offshoot::detail
