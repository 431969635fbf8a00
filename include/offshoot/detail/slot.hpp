/// One object on its way between two greenlets.
#pragma once

#include <offshoot/detail/capture_check.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace offshoot::detail {

/// Lies on the heap, outside both stacks: the sender's may be copied away while the receiver looks.
template <class T>
class slot {
  static_assert(!std::is_rvalue_reference_v<T>, "name the type itself: objects are moved anyway");

 public:
  slot() noexcept {}
  ~slot() { reset(); }
  slot(const slot&) = delete;
  slot& operator=(const slot&) = delete;

  /// Throws, and is empty then: `dangling_capture`, and what moving throws.
  void put(T&& object) {
    reset();
    object_ = make_looked_at<T>(storage_, "what is handed over holds", std::move(object));
  }
  /// Moves what another slot holds here, where nothing is: it has been looked at there.
  void take_over(slot& other) {
    zero_for<T>(storage_);
    object_ = ::new (storage_) T(std::move(*other.object_));
    other.reset();
  }
  /// Destroys what nobody took.
  void reset() noexcept {
    if (T* object = std::exchange(object_, nullptr)) object->~T();
  }
  bool filled() const noexcept { return object_ != nullptr; }

  T& look() noexcept { return *object_; }
  T take() {
    T taken = std::move(*object_);
    reset();
    return taken;
  }

 private:
  T* object_ = nullptr;
  alignas(T) std::byte storage_[sizeof(T)];
};

/// A reference is only as good as what it refers to: that must not lie on the sender's own stack,
/// if that is one that gets copied. Throws `dangling_capture`.
template <class T>
class slot<T&> {
 public:
  void put(T& object) {
    refuse_lent(std::addressof(object), "a reference is handed over to");
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
