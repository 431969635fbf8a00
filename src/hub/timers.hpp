/// Timers: an intrusive 4-ary heap. The heap's array holds the deadlines, so that finding the
/// earliest child reads one cache line and no node; and where each is in it stands in an array
/// of its own, so that moving one writes to no node either: of a million they are far apart.
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
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  instant deadline = never;   ///< the last it was armed for
  std::uint32_t slot = none;  ///< what the heap knows it by while it holds it
  bool armed = false;
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
  void disarm(timer_node& node) noexcept { node.armed = false; }
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
  /// Where it is in the heap, which holds it; 0 is the top.
  std::size_t place_of(const timer_node& node) const noexcept { return places_[node.slot]; }

 private:
  struct alignas(16) entry {  // a quarter of a line
    instant due;              ///< not later than the node's deadline
    std::uint32_t slot;
  };

  void enter(timer_node& node, instant deadline);
  void put(std::size_t place, const entry& what) noexcept;
  void fetch_node(std::size_t place, std::uint32_t slot) const noexcept;
  void sift_up(std::size_t place, entry what) noexcept;
  void sift_down(std::size_t place, entry what) noexcept;
  bool is_true(const timer_node& top) const noexcept;
  void settle(timer_node& top) noexcept;
  void fetch_children_of_four(std::size_t place) const noexcept;
  std::size_t first_of_four(std::size_t place) const noexcept;

  std::vector<entry, children_in_line<entry>> heap_;
  // By slot:
  std::vector<std::uint32_t> places_;  ///< of a vacant slot: the next vacant one, or `none`
  std::vector<timer_node*> nodes_;
  std::uint32_t vacant_ = timer_node::none;
};

}  // namespace offshoot::detail
