/// What can be told of the words of an object whose members are not known, such as a closure: which
/// of them are content, and which may be leftovers. Odd about it: an optional that is empty, copied
/// as a whole, brings along whatever the stack held before, and looks like a pointer and a flag.
#pragma once

#include <offshoot/detail/plain_data.hpp>
#include <offshoot/export.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

namespace offshoot::detail {

/// The addresses of a stack that gets copied away; none of one that stays.
struct address_range {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;

  bool empty() const noexcept { return low == high; }
  bool contains(std::uintptr_t word) const noexcept { return word - low < high - low; }
  bool contains(const volatile void* address) const noexcept {
    return contains(reinterpret_cast<std::uintptr_t>(address));
  }
  bool contains_word_at(const void* place) const noexcept {
    std::uintptr_t word = 0;
    std::memcpy(&word, place, sizeof word);
    return contains(word);
  }
};

/// What a look at an object came to; the worse one of two is the larger.
enum class finding : std::uint8_t {
  nothing,
  doubtful,  ///< an own address, in a word that may be a leftover
  lent,      ///< an own address
};

/// What the type tells of its words, where the compiler knows nothing of the members.
struct opaque_type {
  /// See is_plain_data: no member is an optional or a variant.
  bool plain;
  /// Without padding, it still has bytes that not every object means: those of a union, or a
  /// floating-point number.
  bool partial_without_padding;
  /// Padding at its end is its own, not that of its last member.
  bool own_tail;
};

/// `content` is a mask of the same size: 0xff for each byte that is not padding.
OFFSHOOT_API finding judge_words(const void* object, const void* content, std::size_t size,
                                 const opaque_type& type, const address_range& own) noexcept;

/// Whether any word of the object is an address of `own`. For objects that may have words, or parts
/// of them, which nobody wrote: Valgrind is told that these are looked at on purpose.
OFFSHOOT_API bool any_word_in(const address_range& own, const void* object,
                              std::size_t size) noexcept;

/// Whether `T` is made of numbers and nothing else: bits can become such an object in a constant
/// expression, which no pointer, reference or union allows.
template <class T>
consteval bool only_numbers() {
  if constexpr (!std::is_trivially_copyable_v<T> || sizeof(T) > 4096) {
    return false;
  } else {
    return requires {
      typename std::bool_constant<(
          static_cast<void>(__builtin_bit_cast(T, std::array<unsigned char, sizeof(T)>{})), true)>;
    };
  }
}

/// Whether an object of an opaque type has a word that could be an address.
template <class T>
inline constexpr bool opaque_can_hold_address = sizeof(T) >= sizeof(void*) &&
                                                alignof(T) >= alignof(void*) &&
                                                !std::is_empty_v<T> && !only_numbers<T>();

template <class T>
struct with_byte_behind : T {
  char behind;
};

/// Of a closure with captures, whether a byte of a derived class goes into the padding at its end.
/// It does not where the closure is plain data.
template <class T>
consteval bool has_own_tail() {
  if constexpr (std::is_class_v<T> && !std::is_final_v<T> && !std::is_aggregate_v<T> &&
                !std::is_move_assignable_v<T>) {
    return sizeof(with_byte_behind<T>) == sizeof(T);
  } else {
    return false;
  }
}

/// The shape of a T, of which none is made.
template <class T>
union shape_of {
  shape_of() {}
  ~shape_of() {}
  T object;
};

template <class T>
[[gnu::noinline, gnu::cold]] finding judge(const T& object, const address_range& own) noexcept {
  constexpr bool unique = std::has_unique_object_representations_v<T>;
#if __has_builtin(__builtin_clear_padding)
  constexpr opaque_type type{
      .plain = is_plain_data<T>,
      .partial_without_padding =
          std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && !unique,
      .own_tail = has_own_tail<T>(),
  };
  shape_of<T> content;
  std::memset(static_cast<void*>(&content), 0xff, sizeof content);
  __builtin_clear_padding(&content);
  return judge_words(&object, &content, sizeof object, type, own);
#else
  // A closure with captures by reference is not of standard layout. Nor is a tuple, copied whole.
  static_cast<void>(object), static_cast<void>(own);
  constexpr bool whole = std::is_standard_layout_v<T> || std::is_trivially_copy_constructible_v<T>;
  constexpr bool built = !whole && !std::is_trivially_move_constructible_v<T>;
  constexpr bool known = std::is_trivially_copyable_v<T> ? unique : built;
  return known ? finding::lent : finding::doubtful;
#endif
}

template <class T>
finding look_at_words(const T& object, const address_range& own) noexcept {
  if constexpr (std::has_unique_object_representations_v<T>) {  // every bit has been written
    const auto* bytes = reinterpret_cast<const std::byte*>(std::addressof(object));
    for (std::size_t at = 0; at + sizeof(void*) <= sizeof object; at += sizeof(void*)) {
      if (own.contains_word_at(bytes + at)) return judge(object, own);
    }
  } else if (any_word_in(own, std::addressof(object), sizeof object)) {
    return judge(object, own);
  }
  return finding::nothing;
}

}  // namespace offshoot::detail
