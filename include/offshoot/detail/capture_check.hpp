/// The look at what a lane greenlet hands over, where it has come to rest: an address inside the
/// giver's own, copied stack is a bug that is refused at once, not when lanes run out. What it sees
/// and what it cannot: docs/safety.md.
#pragma once

#include <offshoot/detail/opaque_words.hpp>
#include <offshoot/export.hpp>
#include <offshoot/on_lane.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace offshoot::detail {

/// The current greenlet's stack, if it is one that gets copied.
OFFSHOOT_API address_range own_copied_stack() noexcept;
/// Throws `dangling_capture`. The message begins with `what`, as in "a run function captures".
[[noreturn]] OFFSHOOT_API void throw_dangling(const char* what);
/// A warning on standard error, in builds that check.
OFFSHOOT_API void warn_of_dangling(const char* what) noexcept;

/// How an object is looked at. `possible`: whether it can hold an address at all; if not, nothing
/// of the look is compiled. A type whose members can be asked for is a specialisation, which looks
/// at those that are there; this one is for all others.
template <class T>
struct inspection {
  static constexpr bool possible = opaque_can_hold_address<T>;
  static finding look(const T& object, const address_range& own) noexcept {
    return look_at_words(object, own);
  }
};

template <class T>
concept never_an_address =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_null_pointer_v<T> ||
    std::is_member_pointer_v<T> || std::is_function_v<std::remove_pointer_t<T>>;

template <class T>
inline constexpr bool can_hold_address = [] {
  if constexpr (std::is_reference_v<T>) {
    return !std::is_function_v<std::remove_reference_t<T>>;
  } else if constexpr (never_an_address<T>) {
    return false;
  } else {
    return !may_hold_stale_words<std::remove_cv_t<T>> && inspection<std::remove_cv_t<T>>::possible;
  }
}();

/// T is named: the object may be what a reference member refers to.
template <class T>
finding inspect(const std::remove_reference_t<T>& object, const address_range& own) noexcept {
  if constexpr (!can_hold_address<T>) {
    return finding::nothing;
  } else if constexpr (std::is_reference_v<T>) {
    return own.contains(std::addressof(object)) ? finding::lent : finding::nothing;
  } else {
    return inspection<std::remove_cv_t<T>>::look(object, own);
  }
}

template <class T>
struct inspection<T*> {
  static constexpr bool possible = true;
  static finding look(T* address, const address_range& own) noexcept {
    return own.contains(address) ? finding::lent : finding::nothing;
  }
};

/// One that is empty has nothing but leftovers.
template <class T>
struct inspection<std::optional<T>> {
  static constexpr bool possible = can_hold_address<T>;
  static finding look(const std::optional<T>& object, const address_range& own) noexcept {
    return object.has_value() ? inspect<T>(*object, own) : finding::nothing;
  }
};

template <class... T>
struct inspection<std::variant<T...>> {
  static constexpr bool possible = (can_hold_address<T> || ...);
  static finding look(const std::variant<T...>& object, const address_range& own) noexcept {
    if (object.valueless_by_exception()) return finding::nothing;
    return std::visit(
        [&](const auto& held) { return inspect<std::remove_cvref_t<decltype(held)>>(held, own); },
        object);
  }
};

template <class T, std::size_t N>
struct inspection<std::array<T, N>> {
  static constexpr bool possible = N != 0 && can_hold_address<T>;
  static finding look(const std::array<T, N>& object, const address_range& own) noexcept {
    finding worst = finding::nothing;
    for (const T& each : object) worst = std::max(worst, inspect<T>(each, own));
    return worst;
  }
};

template <class... T>
struct inspection<std::tuple<T...>> {
  static constexpr bool possible = (can_hold_address<T> || ...);
  static finding look(const std::tuple<T...>& object, const address_range& own) noexcept {
    return std::apply(
        [&](const auto&... each) {
          return std::max({finding::nothing, inspect<T>(each, own)...});
        },
        object);
  }
};

template <class A, class B>
struct inspection<std::pair<A, B>> {
  static constexpr bool possible = can_hold_address<A> || can_hold_address<B>;
  static finding look(const std::pair<A, B>& object, const address_range& own) noexcept {
    return std::max(inspect<A>(object.first, own), inspect<B>(object.second, own));
  }
};

/// Has its characters on the heap or within itself.
template <class Char, class Traits>
struct inspection<std::basic_string<Char, Traits>> {
  static constexpr bool possible = false;
};

/// A small target lies at its beginning; whether the bytes behind belong to it only the function
/// knows. A large one lies on the heap.
template <class R, class... A>
struct inspection<std::function<R(A...)>> {
  static constexpr bool possible = true;
  static finding look(const std::function<R(A...)>& object, const address_range& own) noexcept {
    const bool lent = object && any_word_in(own, &object, sizeof(void*));
    return lent ? finding::lent : finding::nothing;
  }
};

/// Keeps a compiler from the thought that bytes which no constructor writes have no value.
inline void keep_bytes(const void* storage) noexcept {
  asm volatile("" : : "r"(storage) : "memory");
}

/// Whether the storage for a T is to be zeroed before one is made: what is not copied as a whole
/// leaves some bytes as they were.
template <class T>
inline constexpr bool zeroed_first = can_hold_address<T> && !std::is_trivially_copyable_v<T>;

/// Readies the storage for a T.
template <class T>
void zero_for(void* storage) noexcept {
  if constexpr (zeroed_first<T>) keep_bytes(std::memset(storage, 0, sizeof(T)));
}

/// Throws `dangling_capture` if `object` holds an address in the current greenlet's stack and that
/// stack is one that gets copied. For whatever comes to rest where another greenlet can find it: to
/// be called there, before that one can, on what was made in storage readied by `zero_for`.
template <class T>
void refuse_lent(const T& object, const char* what) {
  if constexpr (can_hold_address<T>) {
    const address_range own = own_copied_stack();
    if (own.empty()) return;
    switch (inspect<T>(object, own)) {
      case finding::nothing:
        return;
      case finding::doubtful:
        return warn_of_dangling(what);
      case finding::lent:
        throw_dangling(what);
    }
  }
}

/// Makes a T in `storage` and looks at it there. If that throws, there is none.
template <class T, class... A>
T* make_looked_at(void* storage, const char* what, A&&... arguments) {
  zero_for<T>(storage);
  T* const made = ::new (storage) T(std::forward<A>(arguments)...);
  if constexpr (can_hold_address<T>) {
    try {
      if constexpr (zeroed_first<T>) keep_bytes(made);
      refuse_lent(*made, what);
    } catch (...) {
      made->~T();
      throw;
    }
  }
  return made;
}

}  // namespace offshoot::detail
