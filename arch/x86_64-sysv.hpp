/// x86-64, System V ABI: the C++ half of x86_64-sysv.S, which explains both.
#pragma once

#include <cstdint>

#include "core/context.hpp"

extern "C" void offshoot_start();

namespace offshoot::detail {

/// What a greenlet's stack holds before it first runs, from its lowest address.
struct first_frame {
  std::uintptr_t r15 = 0;
  std::uintptr_t r14 = 0;
  std::uintptr_t r13 = 0;  ///< the greenlet, for offshoot_start
  std::uintptr_t r12 = 0;
  std::uintptr_t rbx = 0;
  std::uintptr_t rbp = 0;  ///< zero ends the chain of frame pointers
  std::uintptr_t rip = 0;  ///< offshoot_start
  std::uintptr_t above[2] = {0, 0};
};
static_assert(sizeof(first_frame) == 9 * 8);

inline constexpr std::uintptr_t stack_alignment = 16;

inline std::uintptr_t lay_first_frame(std::uintptr_t stop, void* greenlet) noexcept {
  auto* frame = reinterpret_cast<first_frame*>(stop - sizeof(first_frame));
  *frame = first_frame{};
  frame->r13 = reinterpret_cast<std::uintptr_t>(greenlet);
  frame->rip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  return reinterpret_cast<std::uintptr_t>(frame);
}

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

}  // namespace offshoot::detail
