/// Timers: an intrusive 4-ary heap. The heap's array holds the deadlines, so that finding the
/// earliest child reads one cache line and no node.
#pragma once

#include <offshoot/hub/detail/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

namespace offshoot::detail {

/// One for whoever waits, embedded in its record.
struct timer_node {
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

  instant deadline = never;       ///< `never`: not armed
  std::uint32_t place = nowhere;  ///< in the heap's array
};

/// Allocates arrays in which four children of a place, from 1 on, share a line of the cache.
template <class Entry>
struct children_in_line {
  using value_type = Entry;
  static constexpr std::size_t line = 64;
  static_assert(4 * sizeof(Entry) == line);

  Entry* allocate(std::size_t count) {
    auto* const raw = static_cast<std::byte*>(
        ::operator new (line + count * sizeof(Entry), std::align_val_t{line}));
    return reinterpret_cast<Entry*>(raw + line - sizeof(Entry));
  }
  void deallocate(Entry* block, std::size_t) noexcept {
    ::operator delete (reinterpret_cast<std::byte*>(block) + sizeof(Entry) - line,
                       std::align_val_t{line});
  }
  bool operator==(const children_in_line&) const noexcept { return true; }
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
  /// The first one that is due at `now`, disarmed; null if there is none. Lazy: it stays in the
  /// heap until the next call, and for longer if it is armed anew by then, as by one who sleeps
  /// again.
  timer_node* expire(instant now) noexcept;

  /// Nodes in the heap, armed or not.
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct alignas(16) entry {  // a quarter of a line, where pointers have 32 bits, too
    instant due;              ///< not later than the node's deadline
    timer_node* node;
  };

  void put(std::size_t place, const entry& what) noexcept;
  void sift_up(std::size_t place, entry what) noexcept;
  void sift_down(std::size_t place, entry what) noexcept;
  void settle(const entry& top) noexcept;
  void fetch_children_of_four(std::size_t place) const noexcept;
  std::size_t first_of_four(std::size_t place) const noexcept;

  std::vector<entry, children_in_line<entry>> heap_;
};

}  // namespace offshoot::detail
