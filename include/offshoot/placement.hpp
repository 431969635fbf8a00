/// Where a greenlet runs.
#pragma once

#include <cstdint>

namespace offshoot {

/// Chosen at construction, for life. All three may be mixed freely.
enum class placement : std::uint8_t {
  /// On one of the thread's shared stacks. Its bytes move to the heap when another greenlet needs
  /// that stack: no other greenlet may use the address of its locals meanwhile. The cheapest to
  /// keep.
  lane,
  /// On a stack of its own with a guard page: others may use addresses of its locals at any time.
  dedicated,
  /// Right below the frames of the greenlet that starts it, on that one's stack. Costs no stack at
  /// all; of the stacks that overlap, the bytes that are in the way move to the heap.
  nested,
};

}  // namespace offshoot
