/// Seeded randomness, the same on every machine: SplitMix64.
#pragma once

#include <cstdint>

namespace model {

class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// Of 16 bits: no stack has such an address. For closures, which the look at captures would
  /// refuse now and then for a number of 64 bits, where an address has 32.
  std::uint64_t small() noexcept { return next() >> 48U; }
  /// 0 ... end - 1.
  std::size_t below(std::size_t end) noexcept {
    return static_cast<std::size_t>((next() >> 32U) * end >> 32U);
  }
  /// True once in `n`.
  bool one_in(std::size_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace model
