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

void timer_heap::sift_down(std::size_t place, entry what) noexcept {
  for (;;) {
    const std::size_t first = place * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + arity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].due < heap_[least].due) least = child;
    }
    if (what.due <= heap_[least].due) break;
    put(place, heap_[least]);
    place = least;
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

/// Until the first entry tells the truth about its node.
void timer_heap::settle_top() noexcept {
  while (!heap_.empty()) {
    const entry top = heap_.front();
    if (top.node->deadline == top.due) return;
    if (top.node->deadline == never) {
      remove(*top.node);
    } else {
      sift_down(0, {top.node->deadline, top.node});
    }
  }
}

instant timer_heap::next_deadline() noexcept {
  settle_top();
  return heap_.empty() ? never : heap_.front().due;
}

timer_node* timer_heap::expire(instant now) noexcept {
  if (next_deadline() > now || heap_.empty()) return nullptr;
  timer_node* first = heap_.front().node;
  remove(*first);
  return first;
}

}  // namespace offshoot::detail
