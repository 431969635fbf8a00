#include "hub/timers.hpp"

#include <algorithm>

namespace offshoot::detail {
namespace {

constexpr std::size_t arity = 4;

constexpr std::size_t parent_of(std::size_t place) noexcept {
  return (place - 1) / arity;
}

}  // namespace

timer_heap::~timer_heap() {
  for (const entry& each : heap_) each.node->place = timer_node::nowhere;
}

void timer_heap::put(std::size_t place, const entry& what) noexcept {
  heap_[place] = what;
  what.node->place = static_cast<std::uint32_t>(place);
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

void timer_heap::arm(timer_node& node, instant deadline) {
  if (node.place == timer_node::nowhere) {
    heap_.push_back({deadline, &node});
    sift_up(heap_.size() - 1, {deadline, &node});
  } else if (deadline < heap_[node.place].due) {
    sift_up(node.place, {deadline, &node});
  }
  node.deadline = deadline;
}

void timer_heap::remove(timer_node& node) noexcept {
  node.deadline = never;
  if (node.place == timer_node::nowhere) return;
  const std::size_t place = node.place;
  node.place = timer_node::nowhere;
  const entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  if (place != 0 && last.due < heap_[parent_of(place)].due) {
    sift_up(place, last);
  } else {
    sift_down(place, last);
  }
}

/// The first entry does not tell the truth about its node.
void timer_heap::settle(const entry& top) noexcept {
  if (top.node->deadline == never) {
    remove(*top.node);
  } else {
    sift_down(0, {top.node->deadline, top.node});
  }
}

instant timer_heap::next_deadline() noexcept {
  while (!heap_.empty()) {
    const entry top = heap_.front();
    if (top.node->deadline == top.due) return top.due;
    settle(top);
  }
  return never;
}

timer_node* timer_heap::expire(instant now) noexcept {
  while (!heap_.empty() && heap_.front().due <= now) {
    const entry top = heap_.front();
    if (top.node->deadline == top.due) {
      top.node->deadline = never;
      return top.node;
    }
    settle(top);
  }
  return nullptr;
}

}  // namespace offshoot::detail
