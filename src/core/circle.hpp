/// Tells whoever goes from parent to parent when that leads round in a circle: the consumer that
/// waits for a body is its parent, and that body may have made it.
#pragma once

#include <cstddef>

namespace offshoot::detail {

/// Brent's: compares with one that was passed, which is another one at each power of two.
template <class Place>
class circle {
 public:
  /// Whether it has been at `place` before. Asked at each step, it says so in the second round.
  bool closed_at(const Place& place) {
    if (place == passed_) return true;
    if (++steps_ == limit_) {
      passed_ = place;
      limit_ *= 2;
    }
    return false;
  }

 private:
  Place passed_{};
  std::size_t steps_ = 0;
  std::size_t limit_ = 1;
};

}  // namespace offshoot::detail
