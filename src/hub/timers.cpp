#include "hub/timers.hpp"

#include <algorithm>
#include <utility>

namespace offshoot::detail {
namespace {

constexpr std::size_t arity = 4;

constexpr std::size_t parent_of(std::size_t place) noexcept {
  return (place - 1) / arity;
}

}  // namespace

timer_heap::~timer_heap() {
  for (const entry& each : heap_) nodes_[each.slot]->slot = timer_node::none;
}

/// Of what nears the top, which is looked at next.
inline void timer_heap::fetch_node(std::size_t place, std::uint32_t slot) const noexcept {
  if (place <= arity) {
    __builtin_prefetch(nodes_[slot], 1);
  } else if (place <= arity + arity * arity) {
    __builtin_prefetch(&nodes_[slot]);
  }
}

inline void timer_heap::put(std::size_t place, const entry& what) noexcept {
  heap_[place] = what;
  places_[what.slot] = static_cast<std::uint32_t>(place);
  fetch_node(place, what.slot);
}

void timer_heap::sift_up(std::size_t place, entry what) noexcept {
  while (place != 0 && what.due < heap_[parent_of(place)].due) {
    put(place, heap_[parent_of(place)]);
    place = parent_of(place);
  }
  put(place, what);
}

/// Ahead of the choice among them: a heap of many is not in the cache.
void timer_heap::fetch_children_of_four(std::size_t place) const noexcept {
  const std::size_t first = place * arity + 1;
  for (std::size_t each = first; each < first + arity * arity && each < heap_.size();
       each += arity) {
    __builtin_prefetch(&heap_[each]);
  }
}

/// Which of four neighbours is due first. Compiled without branches: nobody could predict them.
std::size_t timer_heap::first_of_four(std::size_t place) const noexcept {
  const entry* const four = &heap_[place];
  const std::size_t left = four[1].due < four[0].due ? 1 : 0;
  const std::size_t right = four[3].due < four[2].due ? 3 : 2;
  const std::size_t is_right = four[right].due < four[left].due ? 1 : 0;
  return place + left + is_right * (right - left);
}

/// First all the way down, then up again: what comes here belongs near the end nearly always, so
/// that comparing it on the way down would be in vain.
void timer_heap::sift_down(std::size_t place, entry what) noexcept {
  const std::size_t top = place;
  std::size_t first = place * arity + 1;
  for (; first + arity <= heap_.size(); first = place * arity + 1) {
    fetch_children_of_four(first);
    const std::size_t least = first_of_four(first);
    put(place, heap_[least]);
    place = least;
  }
  if (first < heap_.size()) {
    const auto least =
        std::min_element(heap_.begin() + static_cast<std::ptrdiff_t>(first), heap_.end(),
                         [](const entry& one, const entry& other) { return one.due < other.due; });
    put(place, *least);
    place = static_cast<std::size_t>(least - heap_.begin());
  }
  while (place != top && what.due < heap_[parent_of(place)].due) {
    put(place, heap_[parent_of(place)]);
    place = parent_of(place);
  }
  put(place, what);
}

void timer_heap::enter(timer_node& node, instant deadline) {
  heap_.push_back({deadline, timer_node::none});
  try {
    if (vacant_ == timer_node::none) {
      nodes_.reserve(heap_.capacity());
      places_.push_back(timer_node::none);
      nodes_.push_back(nullptr);
      vacant_ = static_cast<std::uint32_t>(places_.size() - 1);
    }
  } catch (...) {
    heap_.pop_back();
    throw;
  }
  node.slot = vacant_;
  vacant_ = places_[vacant_];
  nodes_[node.slot] = &node;
  sift_up(heap_.size() - 1, {deadline, node.slot});
}

/// What it was armed for last, even if that was called off, is never earlier than its entry: later
/// ones need no look at the heap, which would miss the cache twice.
void timer_heap::arm(timer_node& node, instant deadline) {
  if (node.slot == timer_node::none) {
    enter(node, deadline);
  } else if (deadline < node.deadline && deadline < heap_[place_of(node)].due) {
    sift_up(place_of(node), {deadline, node.slot});
  }
  node.deadline = deadline;
  node.armed = true;
}

void timer_heap::remove(timer_node& node) noexcept {
  node.armed = false;
  if (node.slot == timer_node::none) return;
  const std::size_t place = place_of(node);
  places_[node.slot] = std::exchange(vacant_, node.slot);
  node.slot = timer_node::none;
  const entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  if (place != 0 && last.due < heap_[parent_of(place)].due) {
    sift_up(place, last);
  } else {
    sift_down(place, last);
  }
}

/// Whether what stands at the top is the truth about its node.
bool timer_heap::is_true(const timer_node& top) const noexcept {
  return top.armed && top.deadline == heap_.front().due;
}

/// Makes it so, or something else the top.
void timer_heap::settle(timer_node& top) noexcept {
  if (top.armed) {
    sift_down(0, {top.deadline, top.slot});
  } else {
    remove(top);
  }
}

instant timer_heap::next_deadline() noexcept {
  while (!heap_.empty()) {
    timer_node& top = *nodes_[heap_.front().slot];
    if (is_true(top)) return top.deadline;
    settle(top);
  }
  return never;
}

timer_node* timer_heap::expire(instant now) noexcept {
  while (!heap_.empty() && heap_.front().due <= now) {
    timer_node& top = *nodes_[heap_.front().slot];
    if (is_true(top)) {
      top.armed = false;
      return &top;
    }
    settle(top);
  }
  return nullptr;
}

}  // namespace offshoot::detail
