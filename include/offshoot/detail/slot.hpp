/// One object on its way between two greenlets.
#pragma once

#include <offshoot/detail/capture_check.hpp>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot::detail {

/// Lies on the heap, outside both stacks: the sender's may be copied away while the receiver looks.
template <class T>
class slot {
  static_assert(!std::is_rvalue_reference_v<T>, "name the type itself: objects are moved anyway");

 public:
  void put(T&& object) { object_.emplace(std::move(object)); }
  /// Destroys what nobody took.
  void reset() noexcept { object_.reset(); }
  bool filled() const noexcept { return object_.has_value(); }

  T& look() noexcept { return *object_; }
  T take() {
    T taken = std::move(*object_);
    object_.reset();
    return taken;
  }

 private:
  std::optional<T> object_;
};

/// A reference is only as good as what it refers to: that must not lie on the sender's own stack,
/// if that is one that gets copied. Throws `dangling_capture`.
template <class T>
class slot<T&> {
 public:
  void put(T& object) {
    const void* address = std::addressof(object);
    refuse_own_addresses(&address, sizeof address, "a reference is handed over to");
    object_ = std::addressof(object);
  }
  void reset() noexcept { object_ = nullptr; }
  bool filled() const noexcept { return object_ != nullptr; }

  T& look() noexcept { return *object_; }
  T& take() noexcept { return *std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <>
class slot<void> {
 public:
  void reset() noexcept {}
  void take() noexcept {}
};

}  // namespace offshoot::detail
