/// Timers: an intrusive 4-ary heap. The heap's array holds the deadlines, so that finding the
/// earliest child reads one cache line and no node.
#pragma once

#include <offshoot/hub/detail/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace offshoot::detail {

/// One for whoever waits, embedded in its record.
struct timer_node {
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

  instant deadline = never;       ///< `never`: not armed
  std::uint32_t place = nowhere;  ///< in the heap's array
};

class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  ~timer_heap();

  /// Sets when `node` is due, armed or not. Lazy: a later deadline than it had only changes the
  /// node; its place is put right when the old one comes up. Throws std::bad_alloc, nothing
  /// changed.
  void arm(timer_node& node, instant deadline);
  /// It is not due any more. Lazy: it stays in the heap until its deadline comes up.
  void disarm(timer_node& node) noexcept { node.deadline = never; }
  /// Takes it out, armed or not: it may be destroyed.
  void remove(timer_node& node) noexcept;

  /// When the first armed one is due, or `never`.
  instant next_deadline() noexcept;
  /// The first one that is due at `now`, disarmed and taken out; null if there is none.
  timer_node* expire(instant now) noexcept;

  /// Nodes in the heap, armed or not.
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct entry {
    instant due;  ///< not later than the node's deadline
    timer_node* node;
  };

  void put(std::size_t place, const entry& what) noexcept;
  void sift_up(std::size_t place, entry what) noexcept;
  void sift_down(std::size_t place, entry what) noexcept;
  void settle_top() noexcept;

  std::vector<entry> heap_;
};

}  // namespace offshoot::detail
