/// Valgrind, in any build for which its header was there. It takes a stack pointer that jumps for a
/// push or a pop of all that is between, unless it lands on another stack that it was told of. And
/// it holds what is below a stack pointer to be nobody's: bytes that come back there need leave.
#pragma once

#include <cstddef>
#include <cstdint>

namespace offshoot::detail::valgrind {

#if defined(OFFSHOOT_VALGRIND)

/// Asked first, everywhere: nothing below costs anything where there is no Valgrind. Of its tools,
/// only memcheck wants to know of every byte that moves; the others do not see the copies change.
extern const bool running;
extern const bool checks_memory;

/// Tells of a stack; returns what `forget_stack` wants to be given.
unsigned know_stack(std::uintptr_t low, std::uintptr_t high) noexcept;
void forget_stack(unsigned id) noexcept;
/// These bytes, whatever they are, may be written, and must be before they are read: those that a
/// stack pointer will come to lie below, and with them the red zone, which it expects to be open.
[[gnu::cold]] void open(std::uintptr_t low, std::size_t bytes) noexcept;
/// These bytes are looked at on purpose, whether anybody wrote them or not.
[[gnu::cold]] void define(const void* bytes, std::size_t count) noexcept;
/// It lets a thread's own stack grow only when the stack pointer stands there: makes sure that what
/// begins right below the caller's frames, written from another stack, has been grown to.
[[gnu::cold]] void grow_stack() noexcept;
/// Nobody may touch these bytes.
[[gnu::cold]] void close(std::uintptr_t low, std::size_t bytes) noexcept;

#else

inline constexpr bool running = false;
inline constexpr bool checks_memory = false;
inline unsigned know_stack(std::uintptr_t, std::uintptr_t) noexcept {
  return 0;
}
inline void forget_stack(unsigned) noexcept {}
inline void open(std::uintptr_t, std::size_t) noexcept {}
inline void close(std::uintptr_t, std::size_t) noexcept {}
inline void define(const void*, std::size_t) noexcept {}
inline void grow_stack() noexcept {}

#endif

}  // namespace offshoot::detail::valgrind
