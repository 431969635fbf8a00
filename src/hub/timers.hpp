/// Timers: an intrusive 4-ary heap, of rows. Each timer has a slot; eight neighbours, whose
/// deadlines share a line of the cache, are a row; and the first due of each row stands in the
/// heap. So a million of them make a heap that the caches hold, and what they do not hold is
/// fetched ahead: a row is near the top for a while before it is there.
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

  instant deadline = never;   ///< the last it was armed for; `never` while no heap holds it
  std::uint32_t slot = none;  ///< what the heap knows it by while it holds it
  bool armed = false;

  /// As a new one. Not by assignment: what derives has members of its own in the padding.
  void reset() noexcept {
    deadline = never;
    slot = none;
    armed = false;
  }
};

/// Allocates arrays in which the element `First` begins a line of the cache.
template <class Element, std::size_t First = 0>
struct in_lines {
  using value_type = Element;
  template <class Other>
  struct rebind {
    using other = in_lines<Other, First>;
  };
  static constexpr std::size_t line = 64;
  static constexpr std::size_t before = (line - First * sizeof(Element) % line) % line;

  Element* allocate(std::size_t count) {
    auto* const raw = static_cast<std::byte*>(
        ::operator new (before + count * sizeof(Element), std::align_val_t{line}));
    return reinterpret_cast<Element*>(raw + before);
  }
  void deallocate(Element* block, std::size_t) noexcept {
    ::operator delete (reinterpret_cast<std::byte*>(block) - before, std::align_val_t{line});
  }
  bool operator==(const in_lines&) const noexcept { return true; }
};

class timer_heap {
 public:
  timer_heap() = default;
  timer_heap(const timer_heap&) = delete;
  timer_heap& operator=(const timer_heap&) = delete;
  ~timer_heap();

  /// Sets when `node` is due, armed or not. Lazy: a later deadline than its last, even if that was
  /// called off, only changes the node; what the heap takes it for is put right when that comes up.
  /// Throws std::bad_alloc, nothing changed, if the heap does not hold it yet.
  void arm(timer_node& node, instant deadline) {
    if (deadline < node.deadline) hasten(node, deadline);
    node.deadline = deadline;
    node.armed = true;
  }
  /// It is not due any more. Lazy: the heap holds it until its deadline comes up.
  void disarm(timer_node& node) noexcept { node.armed = false; }
  /// Takes it out, armed or not: it may be destroyed.
  void remove(timer_node& node) noexcept;

  /// When the first armed one is due, or `never`.
  instant next_deadline() noexcept;
  /// The first one that is due at `now`, which is not `never`, disarmed; null if there is none.
  /// Lazy: the heap holds it until the next call, and for longer if it is armed anew by then, as by
  /// one who sleeps again.
  timer_node* expire(instant now) noexcept;

  /// Nodes that it holds, armed or not.
  std::size_t size() const noexcept { return nodes_.size() - vacant_.size(); }
  /// When the heap will look at `node`, which it holds: not later than its deadline.
  instant due_of(const timer_node& node) const noexcept { return due_[node.slot]; }

 private:
  static constexpr std::size_t row = 8;  ///< so many slots
  struct alignas(16) entry {             // a quarter of a line
    instant due;                         ///< not later than that of any slot in the row
    std::uint32_t slot;                  ///< whose it is, or was
  };

  void add_rows();
  void enter(timer_node& node);
  void hasten(timer_node& node, instant deadline);
  void put(std::size_t place, entry what) noexcept;
  void fetch_row(std::size_t place, std::uint32_t slot) const noexcept;
  void fetch_children_of_four(std::size_t place) const noexcept;
  void sift_up(std::size_t place, entry what) noexcept;
  void replace_top(entry what) noexcept;
  entry first_of_row(std::uint32_t slot) const noexcept;
  timer_node* true_top() noexcept;
  timer_node* first_due(instant latest) noexcept;

  // An entry of each row, and by row where that is:
  std::vector<entry, in_lines<entry, 1>> heap_;
  std::vector<std::uint32_t> places_;
  // By slot; `never` and null of a vacant one:
  std::vector<instant, in_lines<instant>> due_;
  std::vector<timer_node*, in_lines<timer_node*>> nodes_;
  std::vector<std::uint32_t> vacant_;  ///< has room for all
};

}  // namespace offshoot::detail
