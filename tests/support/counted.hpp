/// Objects that count themselves: for what must be moved, not copied, and destroyed exactly once.
#pragma once

#include <utility>

namespace test {

/// Counts live objects, copies and moves. Not relocatable: a `value` keeps it in a box.
struct counted {
  static inline int alive = 0;
  static inline int copies = 0;
  static inline int moves = 0;
  static void reset() noexcept { alive = copies = moves = 0; }

  explicit counted(int what) noexcept : content(what) { ++alive; }
  counted(const counted& other) noexcept : content(other.content) {
    ++alive;
    ++copies;
  }
  counted(counted&& other) noexcept : content(std::exchange(other.content, -1)) {
    ++alive;
    ++moves;
  }
  counted& operator=(const counted& other) noexcept {
    content = other.content;
    ++copies;
    return *this;
  }
  counted& operator=(counted&& other) noexcept {
    content = std::exchange(other.content, -1);
    ++moves;
    return *this;
  }
  ~counted() { --alive; }

  int content;
};

}  // namespace test
