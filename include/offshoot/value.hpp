/// `value`: one object of any type, as it travels in a switch.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/export.hpp>

#include <cstddef>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace offshoot {

/// Whether an object of type T may be moved by copying its bytes and forgetting the original. True
/// for what is trivially copyable and for the usual smart pointers; specialise it for a type of
/// your own whose objects do not point into themselves. Small relocatable objects travel inside a
/// `value`; all others are boxed on the heap, so that no user code runs while a switch is under
/// way.
template <class T>
inline constexpr bool is_relocatable = std::is_trivially_copyable_v<T>;
template <class T>
inline constexpr bool is_relocatable<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool is_relocatable<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_relocatable<std::weak_ptr<T>> = true;
template <>
inline constexpr bool is_relocatable<std::exception_ptr> = true;

namespace detail {

inline constexpr std::size_t value_room = 24;

struct value_operations {
  const std::type_info& type;
  void (*destroy)(void* storage) noexcept;  ///< null: nothing to do
  /// Looks for an address in a stack; null: there cannot be one.
  finding (*look)(const void* storage, const address_range& own) noexcept;
  bool boxed;
};

template <class T>
inline constexpr bool fits_in_value = sizeof(T) <= value_room &&
                                      alignof(T) <= alignof(void*) && is_relocatable<T>;

template <class T>
struct zeroed_box {
  alignas(T) std::byte storage[sizeof(T)];
};

template <class T, class... A>
T* make_box(A&&... arguments) {
  if constexpr (!zeroed_first<T>) {
    return new T(std::forward<A>(arguments)...);
  } else {
    std::unique_ptr<zeroed_box<T>> room(new zeroed_box<T>);
    zero_for<T>(room->storage);
    T* const made = ::new (room->storage) T(std::forward<A>(arguments)...);
    static_cast<void>(room.release());
    return made;
  }
}

template <class T>
void destroy_box(T* made) noexcept {
  if constexpr (!zeroed_first<T>) {
    delete made;
  } else {
    made->~T();
    delete reinterpret_cast<zeroed_box<T>*>(made);
  }
}

template <class T>
T* stored_at(void* storage) noexcept {
  if constexpr (fits_in_value<T>) {
    return std::launder(static_cast<T*>(storage));
  } else {
    return *std::launder(static_cast<T**>(storage));
  }
}

template <class T>
void destroy_stored(void* storage) noexcept {
  if constexpr (fits_in_value<T>) {
    stored_at<T>(storage)->~T();
  } else {
    destroy_box(stored_at<T>(storage));
  }
}

template <class T>
finding look_at_stored(const void* storage, const address_range& own) noexcept {
  const T* const object = stored_at<T>(const_cast<void*>(storage));
  keep_bytes(object);
  return inspect<T>(*object, own);
}

template <class T>
constexpr auto look_for() -> decltype(value_operations::look) {
  if constexpr (can_hold_address<T>) {
    return &look_at_stored<T>;
  } else {
    return nullptr;
  }
}

template <class T>
inline constexpr value_operations operations_of{
    typeid(T),
    fits_in_value<T>&& std::is_trivially_destructible_v<T> ? nullptr : &destroy_stored<T>,
    look_for<T>(), !fits_in_value<T>};

[[noreturn]] OFFSHOOT_API void throw_bad_value(const std::type_info& wanted,
                                               const std::type_info* held);

}  // namespace detail

/// Holds one object of any movable type, or nothing. Move-only; a moved-from value is empty. Moving
/// a value never runs code of what it holds and never throws. Not synchronised.
class value {
 public:
  /// Empty: what a switch without arguments delivers.
  value() noexcept {}  // not defaulted: `value{}` would zero the storage first

  /// Holds `object`, moved or copied in. May allocate: throws std::bad_alloc, or what the object's
  /// own constructor throws.
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, value>) explicit value(T&& object)
      : value(std::in_place_type<std::decay_t<T>>, std::forward<T>(object)) {}
  /// Holds a T made of `arguments`.
  template <class T, class... A>
  explicit value(std::in_place_type_t<T> /*type*/, A&&... arguments) {
    static_assert(std::is_nothrow_destructible_v<T>, "a payload's destructor must not throw");
    if constexpr (detail::fits_in_value<T>) {
      detail::zero_for<T>(storage_);
      ::new (storage_) T(std::forward<A>(arguments)...);
    } else {
      ::new (storage_) T*(detail::make_box<T>(std::forward<A>(arguments)...));
    }
    operations_ = &detail::operations_of<T>;
  }

  value(value&& other) noexcept : operations_(std::exchange(other.operations_, nullptr)) {
    if (operations_ != nullptr) std::memcpy(storage_, other.storage_, sizeof storage_);
  }

  value& operator=(value&& other) noexcept {
    if (this != &other) {
      reset();
      operations_ = std::exchange(other.operations_, nullptr);
      if (operations_ != nullptr) std::memcpy(storage_, other.storage_, sizeof storage_);
    }
    return *this;
  }

  ~value() {
    if (operations_ != nullptr && operations_->destroy != nullptr) operations_->destroy(storage_);
  }

  /// Destroys what is held, if anything.
  void reset() noexcept {
    const auto* operations = std::exchange(operations_, nullptr);
    if (operations != nullptr && operations->destroy != nullptr) operations->destroy(storage_);
  }

  bool has_value() const noexcept { return operations_ != nullptr; }

  /// Whether an object of exactly type T is held.
  template <class T>
  bool holds() const noexcept {
    return operations_ == &detail::operations_of<T> ||
           (operations_ != nullptr && operations_->type == typeid(T));
  }

  /// The type of what is held; `typeid(void)` when empty.
  const std::type_info& type() const noexcept {
    return operations_ != nullptr ? operations_->type : typeid(void);
  }

  /// The held object, or null if it is not exactly a T. Owned by this value.
  template <class T>
  T* get_if() noexcept {
    if (!holds<T>()) return nullptr;
    return detail::stored_at<T>(storage_);
  }
  template <class T>
  const T* get_if() const noexcept {
    return const_cast<value*>(this)->get_if<T>();
  }

  /// The held object; throws `bad_value` if it is not exactly a T.
  template <class T>
  T& get() & {
    if (T* object = get_if<T>()) return *object;
    detail::throw_bad_value(typeid(T), operations_ != nullptr ? &operations_->type : nullptr);
  }
  template <class T>
  const T& get() const& {
    return const_cast<value*>(this)->get<T>();
  }
  /// Of a temporary: the object itself, moved out.
  template <class T>
  T get() && {
    return std::move(static_cast<value&>(*this).get<T>());
  }

 private:
  friend detail::inspection<value>;

  const detail::value_operations* operations_ = nullptr;
  alignas(void*) std::byte storage_[detail::value_room];
};

template <>
inline constexpr bool is_relocatable<value> = true;

namespace detail {

/// What it holds is looked at.
template <>
struct inspection<value> {
  static constexpr bool possible = true;
  static finding look(const value& object, const address_range& own) noexcept {
    if (object.operations_ == nullptr || object.operations_->look == nullptr) {
      return finding::nothing;
    }
    return object.operations_->look(object.storage_, own);
  }
};

/// A value that holds a T, or a value that was given; looked at (see refuse_lent).
template <class T, class... A>
value make_looked_at_value(const char* what, A&&... arguments) {
  if constexpr (!can_hold_address<T>) {
    return value(std::in_place_type<T>, std::forward<A>(arguments)...);
  } else if constexpr (std::is_same_v<T, value>) {
    value made(std::forward<A>(arguments)...);
    refuse_lent(made, what);
    return made;
  } else {
    value made(std::in_place_type<T>, std::forward<A>(arguments)...);
    refuse_lent(made, what);
    return made;
  }
}

/// What a switch with these arguments delivers (S4): none -> empty, one -> itself, several -> a
/// std::tuple of them. Nothing is copied that could be moved. Throws `dangling_capture`.
template <class... A>
value pack(A&&... arguments) {
  constexpr const char* what = "what is passed in a switch holds";
  if constexpr (sizeof...(A) == 0) {
    return value{};
  } else if constexpr (sizeof...(A) == 1) {
    return make_looked_at_value<std::decay_t<A>...>(what, std::forward<A>(arguments)...);
  } else {
    return make_looked_at_value<std::tuple<std::decay_t<A>...>>(what,
                                                                std::forward<A>(arguments)...);
  }
}

}  // namespace detail
}  // namespace offshoot
