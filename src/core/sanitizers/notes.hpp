/// Which of the compiler's sanitizers this build has, and what they need to have noted of each
/// stack: nothing in a build without them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif

namespace offshoot::detail {

struct stack;

namespace sanitizers {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
inline constexpr bool with_address = true;
#else
inline constexpr bool with_address = false;
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
inline constexpr bool with_thread = true;
#else
inline constexpr bool with_thread = false;
#endif

/// LeakSanitizer, which comes with AddressSanitizer or alone. Of the latter no compiler tells: the
/// build does.
#if defined(OFFSHOOT_LEAK_SANITIZER)
inline constexpr bool leak_alone = true;
#else
inline constexpr bool leak_alone = false;
#endif
inline constexpr bool with_leak = with_address || leak_alone;

/// Whether every switch has to be seen.
inline constexpr bool present = with_address || with_thread || with_leak;

/// Room behind each slice for AddressSanitizer's shadow of its bytes: one byte for eight, which
/// need not begin at a multiple of eight.
constexpr std::size_t shadow_of(std::size_t bytes) noexcept {
  return with_address ? bytes / 8 + 1 : 0;
}

struct notes {
  void* fake_stack = nullptr;    ///< address.hpp
  void* fiber = nullptr;         ///< thread.hpp
  std::uintptr_t root_low = 0;   ///< leak.hpp
  std::uintptr_t root_high = 0;  ///< leak.hpp
  stack* departed = nullptr;     ///< leak.hpp: who switched here
};
struct no_notes {};
using kept_notes = std::conditional_t<present, notes, no_notes>;

/// Only to be asked in a build that keeps them; compiled in all.
template <class Stack>
notes& notes_of(Stack& owner) noexcept {
  if constexpr (present) {
    return owner.watched;
  } else {
    __builtin_unreachable();
  }
}

}  // namespace sanitizers
}  // namespace offshoot::detail
