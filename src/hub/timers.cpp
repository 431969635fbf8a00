#include "hub/timers.hpp"

#include <functional>

namespace offshoot::detail {
namespace {

constexpr std::size_t arity = 4;

constexpr std::size_t parent_of(std::size_t place) noexcept {
  return (place - 1) / arity;
}

/// Which of four is due first. Compiled without branches: nobody could predict them.
template <class Element, class Due>
std::size_t first_of_four(const Element* four, Due due) noexcept {
  const auto is_before = [&](std::size_t one, std::size_t other) -> std::size_t {
    return std::invoke(due, four[one]) < std::invoke(due, four[other]) ? 1 : 0;
  };
  const std::size_t left = is_before(1, 0);
  const std::size_t right = 2 + is_before(3, 2);
  return left + is_before(right, left) * (right - left);
}

}  // namespace

timer_heap::~timer_heap() {
  for (timer_node* const each : nodes_) {
    if (each != nullptr) each->reset();
  }
}

/// Of what nears the top, which is looked at next. In line always: to g++ a function that only
/// prefetches does nothing, so that it drops the calls.
[[gnu::always_inline]] inline void timer_heap::fetch_row(std::size_t place,
                                                         std::uint32_t slot) const noexcept {
  if (place <= arity) {
    __builtin_prefetch(nodes_[slot], 1);
  } else if (place <= arity + arity * arity) {
    __builtin_prefetch(&due_[slot], 1);
    __builtin_prefetch(&nodes_[slot]);
  }
}

inline void timer_heap::put(std::size_t place, entry what) noexcept {
  heap_[place] = what;
  places_[what.slot / row] = static_cast<std::uint32_t>(place);
  fetch_row(place, what.slot);
}

void timer_heap::sift_up(std::size_t place, entry what) noexcept {
  while (place != 0 && what.due < heap_[parent_of(place)].due) {
    put(place, heap_[parent_of(place)]);
    place = parent_of(place);
  }
  put(place, what);
}

/// Ahead of the choice among them: a heap of many is not in the nearest cache.
[[gnu::always_inline]] inline void timer_heap::fetch_children_of_four(
    std::size_t place) const noexcept {
  static_assert(arity * sizeof(entry) == in_lines<entry>::line);
  const std::size_t first = place * arity + 1;
  for (std::size_t each = first; each < first + arity * arity && each < heap_.size();
       each += arity) {
    __builtin_prefetch(&heap_[each]);
  }
}

void timer_heap::replace_top(entry what) noexcept {
  std::size_t place = 0;
  for (std::size_t first = 1; first < heap_.size(); first = place * arity + 1) {
    fetch_children_of_four(first);
    const std::size_t least = first + first_of_four(&heap_[first], &entry::due);
    if (what.due <= heap_[least].due) break;
    put(place, heap_[least]);
    place = least;
  }
  put(place, what);
}

timer_heap::entry timer_heap::first_of_row(std::uint32_t slot) const noexcept {
  static_assert(row == 8 && row * sizeof(instant) == in_lines<instant>::line);
  const std::size_t begin = slot / row * row;
  const instant* const due = &due_[begin];
  const std::size_t left = first_of_four(due, std::identity());
  const std::size_t right = 4 + first_of_four(due + 4, std::identity());
  const std::size_t is_right = due[right] < due[left] ? 1 : 0;
  const std::size_t first = left + is_right * (right - left);
  return {due[first], static_cast<std::uint32_t>(begin + first)};
}

/// As many as make the heap one of whole lines again, so that who has children has four.
void timer_heap::add_rows() {
  const std::size_t rows = heap_.size() + (heap_.empty() ? 1 : arity);
  const std::size_t slots = rows * row;
  if (vacant_.capacity() < slots) {  // the last to get room, so all have
    const std::size_t room = 2 * rows;
    heap_.reserve(room);
    places_.reserve(room);
    due_.reserve(room * row);
    nodes_.reserve(room * row);
    vacant_.reserve(room * row);
  }
  for (std::size_t slot = slots; slot != nodes_.size();) {
    vacant_.push_back(static_cast<std::uint32_t>(--slot));
  }
  due_.resize(slots, never);
  nodes_.resize(slots, nullptr);
  for (std::size_t place = heap_.size(); place != rows; ++place) {
    heap_.push_back({never, static_cast<std::uint32_t>(place * row)});
    places_.push_back(static_cast<std::uint32_t>(place));
  }
}

void timer_heap::enter(timer_node& node) {
  if (vacant_.empty()) add_rows();
  node.slot = vacant_.back();
  vacant_.pop_back();
  nodes_[node.slot] = &node;
}

void timer_heap::hasten(timer_node& node, instant deadline) {
  if (node.slot == timer_node::none) enter(node);
  if (deadline >= due_[node.slot]) return;
  due_[node.slot] = deadline;
  const std::size_t place = places_[node.slot / row];
  if (deadline < heap_[place].due) sift_up(place, {deadline, node.slot});
}

/// Its row stays where it is in the heap until that place comes up.
void timer_heap::remove(timer_node& node) noexcept {
  if (node.slot != timer_node::none) {
    due_[node.slot] = never;
    nodes_[node.slot] = nullptr;
    vacant_.push_back(node.slot);
  }
  node.reset();
}

/// The one at the top if what stands there is the truth about it; else puts it right.
timer_node* timer_heap::true_top() noexcept {
  const entry top = heap_.front();
  instant& due = due_[top.slot];
  if (due == top.due) {  // else that one has been removed
    timer_node& node = *nodes_[top.slot];
    if (!node.armed) {
      remove(node);
    } else if (node.deadline != due) {
      due = node.deadline;
    } else {
      return &node;
    }
  }
  replace_top(first_of_row(top.slot));
  return nullptr;
}

/// The first armed one, if it is due at `latest`.
inline timer_node* timer_heap::first_due(instant latest) noexcept {
  timer_node* first = nullptr;
  while (first == nullptr && !heap_.empty() && heap_.front().due <= latest) first = true_top();
  return first;
}

instant timer_heap::next_deadline() noexcept {
  const timer_node* const first = first_due(never - 1);
  return first != nullptr ? first->deadline : never;
}

timer_node* timer_heap::expire(instant now) noexcept {
  timer_node* const first = first_due(now);
  if (first != nullptr) first->armed = false;
  return first;
}

}  // namespace offshoot::detail
