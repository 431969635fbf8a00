/// The look at what a lane greenlet hands over: an address inside the giver's own, copied stack is
/// a bug that is refused at once, not when lanes run out.
#pragma once

#include <offshoot/export.hpp>

#include <cstddef>
#include <new>
#include <type_traits>

namespace offshoot::detail {

/// Throws `dangling_capture` if one of the words in [object, object + size) is an address in the
/// current greenlet's stack and that stack is one that gets copied. The message begins with `what`,
/// as in "a run function captures".
OFFSHOOT_API void refuse_own_addresses(const void* object, std::size_t size, const char* what);
/// The same as a warning on standard error, in builds that check: where padding cannot be told from
/// content, a stale word could raise a false alarm.
OFFSHOOT_API void warn_of_own_addresses(const void* object, std::size_t size) noexcept;

template <class T>
inline constexpr bool can_hold_pointer = sizeof(T) >= sizeof(void*) &&
                                         alignof(T) >= alignof(void*) && !std::is_empty_v<T> &&
                                         !std::is_arithmetic_v<T> && !std::is_enum_v<T>;

/// Looks at `object`, which was built in zeroed storage. No false alarm is allowed: what is not
/// trivially copyable was built member by member, so its padding is still zero; what is, was copied
/// whole, so its padding is cleared here, or it has none.
template <class T>
void check_capture(T& object) {
  if constexpr (!can_hold_pointer<T>) {
    return;
  } else if constexpr (!std::is_trivially_copyable_v<T> ||
                       std::has_unique_object_representations_v<T>) {
    refuse_own_addresses(&object, sizeof object, "a run function captures");
  } else {
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(&object);
    refuse_own_addresses(&object, sizeof object, "a run function captures");
#else
    warn_of_own_addresses(&object, sizeof object);
#endif
  }
}

}  // namespace offshoot::detail
