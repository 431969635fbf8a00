/// A frame of a greenlet of the model test: bytes of its own that nobody else writes, and addresses
/// of its own (S35, S36).
#pragma once

#include <cstddef>
#include <cstdint>

namespace model {

class frame {
 public:
  /// Fills `count` words, which lie in the same stack frame as this.
  frame(frame* outer, std::uint64_t* words, std::size_t count, std::uint64_t seed) noexcept
      : front_(~seed),
        self_(this),
        outer_(outer),
        words_(words),
        count_(count),
        seed_(seed),
        back_(~seed) {
    for (std::size_t i = 0; i < count_; ++i) words_[i] = word(i);
  }
  frame(const frame&) = delete;
  frame& operator=(const frame&) = delete;

  frame* outer() const noexcept { return outer_; }

  /// Whether this is where it was made, with what it was given.
  bool intact(const frame* at) const noexcept {
    if (self_ != this || at != this || front_ != ~seed_ || back_ != ~seed_) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      if (words_[i] != word(i)) return false;
    }
    return true;
  }

 private:
  /// Its own address is part of it: bytes that belong elsewhere differ.
  std::uint64_t word(std::size_t i) const noexcept {
    return (seed_ ^ reinterpret_cast<std::uintptr_t>(words_ + i)) * 0x9e3779b97f4a7c15U;
  }

  std::uint64_t front_;
  frame* self_;
  frame* outer_;
  std::uint64_t* words_;
  std::size_t count_;
  std::uint64_t seed_;
  std::uint64_t back_;
};

}  // namespace model
