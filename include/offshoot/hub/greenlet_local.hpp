/// `greenlet_local<T>`: a variable of which each greenlet has its own.
#pragma once

#include <offshoot/export.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>

namespace offshoot {

namespace detail {

/// One greenlet's value of one variable. On the heap.
struct OFFSHOOT_API local_value {
  explicit local_value(std::uint64_t which) noexcept : variable(which) {}
  local_value(const local_value&) = delete;
  local_value& operator=(const local_value&) = delete;
  virtual ~local_value();

  const std::uint64_t variable;
  std::unique_ptr<local_value> next;
};

template <class T>
struct local_value_of final : local_value {
  using local_value::local_value;
  T value{};
};

/// Never given twice.
OFFSHOOT_API std::uint64_t new_variable() noexcept;
/// The current greenlet's value, or null.
OFFSHOOT_API local_value* find_local(std::uint64_t variable);
OFFSHOOT_API void add_local(std::unique_ptr<local_value> made);
OFFSHOOT_API void drop_local(std::uint64_t variable) noexcept;

}  // namespace detail

/// A variable of which each greenlet, main ones too, has a value of its own: made (T{}) when first
/// asked for, destroyed when the greenlet ends. Outlived by values, if this goes first. May be used
/// on any thread. The value lies on the heap, but what refers to it must not leave its greenlet.
template <class T>
class greenlet_local {
 public:
  greenlet_local() noexcept : variable_(detail::new_variable()) {}
  greenlet_local(const greenlet_local&) = delete;
  greenlet_local& operator=(const greenlet_local&) = delete;

  /// The current greenlet's. Throws std::bad_alloc, and what T{} throws.
  T& get() const {
    detail::local_value* found = detail::find_local(variable_);
    if (found == nullptr) {
      auto made = std::make_unique<detail::local_value_of<T>>(variable_);
      found = made.get();
      detail::add_local(std::move(made));
    }
    return static_cast<detail::local_value_of<T>*>(found)->value;
  }
  T& operator*() const { return get(); }
  T* operator->() const { return &get(); }
  /// Destroys the current greenlet's; no-op if it has none.
  void reset() const noexcept { detail::drop_local(variable_); }

 private:
  std::uint64_t variable_;
};

}  // namespace offshoot
