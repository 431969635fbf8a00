/// How bytes are copied where two stacks change places: both ways in one pass, in registers, by the
/// widest moves that the CPU is known to do well.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/slice.hpp"

/// Marks a function in which a block is moved at once, to be called only if `has_wide_moves`. In
/// any other the compiler makes two moves of it.
#if defined(__x86_64__)
#define OFFSHOOT_WIDE_MOVES __attribute__((target("avx")))
#else
#define OFFSHOOT_WIDE_MOVES
#endif

namespace offshoot::detail {

#if defined(__x86_64__)
inline const bool has_wide_moves = __builtin_cpu_supports("avx") != 0;
#else
inline constexpr bool has_wide_moves = false;
#endif

/// Of one stack, the bytes [out_low, top) go to the buffer `out`; then those of another, [in_low,
/// top), come from the buffer `in`; each with what else is in the block of its lowest byte. `top`
/// is a multiple of a block, and the buffers and the stack have no byte in common.
///
/// From the top downwards: what the greenlet has just written lies at the bottom, and a load of a
/// whole block has to wait until stores of its parts, and so all before them, have left the
/// processor's store buffer. By then all else is done.
[[gnu::always_inline]] inline void exchange_blocks(std::uintptr_t top, std::uintptr_t out_low,
                                                   std::byte* out, std::uintptr_t in_low,
                                                   std::byte* in) noexcept {
  constexpr std::uintptr_t step = slice::block;
  // Aligned to all of it, in truth; but a frame in which one may be spilled need not be.
  using block = unsigned char __attribute__((vector_size(step), aligned(16), may_alias));
  const auto at = [](std::uintptr_t address) -> block& {
    return *reinterpret_cast<block*>(address);
  };
  out_low = out_low / step * step;
  in_low = in_low / step * step;
  // From an address on the stack to where that byte lies in the buffer.
  const std::uintptr_t to_out = reinterpret_cast<std::uintptr_t>(out) - out_low;
  const std::uintptr_t to_in = reinterpret_cast<std::uintptr_t>(in) - in_low;
  const std::uintptr_t both = out_low > in_low ? out_low : in_low;
  std::uintptr_t low = top;
  while (low != both) {
    low -= step;
    const block leaves = at(low);
    at(low) = at(low + to_in);
    at(low + to_out) = leaves;
  }
  for (std::uintptr_t more = low; more != out_low;) {
    more -= step;
    at(more + to_out) = at(more);
  }
  for (std::uintptr_t more = low; more != in_low;) {
    more -= step;
    at(more) = at(more + to_in);
  }
}

}  // namespace offshoot::detail
