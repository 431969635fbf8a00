/// What greenlets are measured against at the low end: the bare switch of floor-x86_64.S, and
/// stacks to run on. A switch that does less than this does not keep what the ABI wants kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" {
/// Stores the stack pointer at `from` and goes on where `to`, which was stored so, waits.
void bench_six_registers(void** from, void* to);
/// The same, left by an indirect jump instead of a return.
void bench_six_registers_jump(void** from, void* to);
}

namespace bench {

#ifdef __x86_64__
inline constexpr bool have_floor = true;
#else
inline constexpr bool have_floor = false;
#endif

using bare_switch = void (*)(void** from, void* to);
/// What a fresh one runs. `starter` is where whoever started it waits. Must not return.
using bare_entry = void (*)(void** starter);

/// What to switch to for `entry` to begin below `top`.
inline void* make_bare(std::byte* top, bare_entry entry) {
  struct {
    std::uintptr_t registers[6]{};
    bare_entry begin;
    std::uintptr_t caller = 0;  ///< as a call would leave it
  } frame;
  frame.begin = entry;
  const auto at = (reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15}) - sizeof frame;
  return std::memcpy(reinterpret_cast<void*>(at), &frame, sizeof frame);
}

/// The size of a stack of its own.
inline constexpr std::size_t stack_bytes = std::size_t{64} << 10;

/// The top of the stack of its own that the i-th of many has. They are there until the process ends
/// and keep the memory that they once took. Throws std::bad_alloc.
std::byte* private_stack(std::size_t i);
/// The lowest byte of the same.
inline std::byte* private_stack_bottom(std::size_t i) {
  return private_stack(i) - stack_bytes;
}

}  // namespace bench
