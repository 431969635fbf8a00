/// What the sanitizers have to be told of stacks that are switched and copied: sanitizers/ has a
/// file for each. All of this is empty in a build without them, but for a look whether Valgrind
/// runs where bytes are copied. With one of the compiler's every switch takes the slow path, which
/// is where these are called.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/sanitizers/address.hpp"
#include "core/sanitizers/leak.hpp"
#include "core/sanitizers/thread.hpp"
#include "core/sanitizers/valgrind.hpp"

/// For what looks at bytes on purpose that maybe nobody wrote.
#if defined(__clang__)
#define OFFSHOOT_NO_MEMORY_SANITIZER __attribute__((no_sanitize("memory")))
#else
#define OFFSHOOT_NO_MEMORY_SANITIZER
#endif
/// For what the assembly calls: MemorySanitizer did not see those arguments being made.
#define OFFSHOOT_CALLED_BY_ASSEMBLY OFFSHOOT_NO_MEMORY_SANITIZER

namespace offshoot::detail::sanitizers {

/// From now on greenlets may run there.
inline void know(region& where) noexcept {
  if (valgrind::running) [[unlikely]]
    where.valgrind_id = valgrind::know_stack(where.low, where.high);
}
/// No longer.
inline void forget(const region& where) noexcept {
  if (valgrind::running) [[unlikely]]
    valgrind::forget_stack(where.valgrind_id);
}

/// Right before a switch, and in the same function: what is called after it counts as called by
/// `to`. The very first thing that `to` does is to call `arrive`.
[[gnu::always_inline]] inline void leave(stack& from, stack& to) noexcept {
  if (valgrind::running && to.fresh) [[unlikely]]
    valgrind::grow_stack();
  if constexpr (with_leak) leak_sanitizer::leave(from, to);
  if constexpr (with_address) address_sanitizer::leave(from, to);
  if constexpr (with_thread) thread_sanitizer::leave(from, to);
}
[[gnu::always_inline]] inline void arrive(stack& self) noexcept {
  if constexpr (with_address) address_sanitizer::arrive(self);
  if constexpr (with_leak) leak_sanitizer::arrive(self);
}
/// In place of `arrive`, if the switch was refused.
[[gnu::always_inline]] inline void stay(stack& self) noexcept {
  if constexpr (with_address) {
    address_sanitizer::arrive(self);
    address_sanitizer::leave(self, self);
    address_sanitizer::arrive(self);
  }
  if constexpr (with_thread) thread_sanitizer::stay(self);
}

/// Whether they, or who measures stacks, want to know of every byte that moves.
inline bool see_copies() noexcept {
  return present || measures_stacks || valgrind::checks_memory;
}

/// Copies the bytes [low, low + bytes) of `owner` to `place` in its slice. They are left behind.
inline void copy_out(stack& owner, std::byte* place, std::uintptr_t low,
                     std::size_t bytes) noexcept {
  if constexpr (with_address) {
    address_sanitizer::copy_out(owner, place, low, bytes);
    address_sanitizer::vacate(low, bytes);
  } else {
    std::memcpy(place, reinterpret_cast<const void*>(low), bytes);
    if (valgrind::checks_memory) [[unlikely]]
      valgrind::close(low, bytes);
  }
}
/// Copies the slice of `owner`, which is settled, back to its stack.
inline void copy_in(stack& owner) noexcept {
  if constexpr (with_address) {
    address_sanitizer::copy_in(owner);
  } else {
    const std::uintptr_t low = owner.registers.sp;
    if (valgrind::checks_memory) [[unlikely]]
      valgrind::open(low, owner.saved.size());
    std::memcpy(reinterpret_cast<void*>(low), owner.saved_bytes(), owner.saved.size());
  }
  if constexpr (with_leak) leak_sanitizer::wipe(owner);
}
/// Bytes of a suspended `owner` have come or gone.
inline void moved(stack& owner) noexcept {
  if constexpr (with_leak) leak_sanitizer::moved(owner);
}
/// `owner` has left for good, and its last frames with it.
inline void vacate(stack& owner) noexcept {
  if constexpr (with_address) {
    address_sanitizer::vacate(owner.sp(), owner.stop - owner.sp());
  }
}
/// Nobody will switch to `owner` again.
inline void forget(stack& owner) noexcept {
  if constexpr (with_leak) leak_sanitizer::forget(owner);
  if constexpr (with_thread) thread_sanitizer::forget(owner);
}

}  // namespace offshoot::detail::sanitizers
