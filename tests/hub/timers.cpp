/// The timer heap against a model: a map from node to deadline.
#include "hub/timers.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using offshoot::detail::instant;
using offshoot::detail::never;
using offshoot::detail::timer_heap;
using offshoot::detail::timer_node;

namespace {

constexpr std::size_t nodes = 300;

struct model {
  std::array<instant, nodes> deadlines;
  model() { deadlines.fill(never); }
  instant first() const { return *std::min_element(deadlines.begin(), deadlines.end()); }
};

}  // namespace

TEST_CASE("timers come in the order of their deadlines, however armed, moved and cancelled") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::uint32_t limit) {
      return static_cast<std::uint32_t>(random()) % limit;
    };
    std::array<timer_node, nodes> node;
    timer_heap heap;
    model expected;
    instant time = 0;
    for (int step = 0; step < 20'000; ++step) {
      const std::size_t which = below(nodes);
      switch (below(8)) {
        case 0:
        case 1:
        case 2: {
          const instant deadline = time + static_cast<instant>(below(1000));
          heap.arm(node[which], deadline);
          expected.deadlines[which] = deadline;
          break;
        }
        case 3:
          heap.disarm(node[which]);
          expected.deadlines[which] = never;
          break;
        case 4:
          heap.remove(node[which]);
          expected.deadlines[which] = never;
          REQUIRE(node[which].slot == timer_node::none);
          REQUIRE(heap.size() <= nodes);
          break;
        case 5:
          REQUIRE(heap.next_deadline() == expected.first());
          break;
        default:
          time += below(20);
          while (timer_node* due = heap.expire(time)) {
            const auto at = static_cast<std::size_t>(due - node.data());
            REQUIRE(expected.deadlines[at] <= time);
            REQUIRE(expected.deadlines[at] == expected.first());
            expected.deadlines[at] = never;
          }
          REQUIRE(expected.first() > time);
      }
    }
  }
}

TEST_CASE("a timer that is moved to later does not touch the heap until its old time comes") {
  timer_node first, second;
  timer_heap heap;
  heap.arm(first, 10);
  heap.arm(second, 20);
  heap.arm(first, 30);
  heap.disarm(first);
  heap.arm(first, 25);  // earlier than the last one, not than what the heap takes it for
  heap.arm(first, 30);
  CHECK(heap.due_of(first) == 10);
  CHECK(heap.next_deadline() == 20);
  CHECK(heap.due_of(first) == 30);
  CHECK(heap.expire(25) == &second);
  CHECK(heap.expire(25) == nullptr);
  CHECK(heap.expire(30) == &first);
  CHECK(heap.expire(30) == nullptr);
  CHECK(heap.size() == 0);
}

TEST_CASE("a timer that is armed anew when it has come up keeps its place until then") {
  timer_node first, second;
  timer_heap heap;
  heap.arm(first, 10);
  heap.arm(second, 20);
  CHECK(heap.expire(10) == &first);
  CHECK(heap.size() == 2);
  heap.arm(first, 15);
  CHECK(heap.size() == 2);
  CHECK(heap.next_deadline() == 15);
  CHECK(heap.expire(30) == &first);
  heap.arm(first, 12);  // earlier than it was due
  CHECK(heap.expire(30) == &first);
  CHECK(heap.expire(30) == &second);
  CHECK(heap.next_deadline() == offshoot::detail::never);
  CHECK(heap.size() == 0);
}

TEST_CASE("many timers, among them equal ones, come in order and only when they are due") {
  std::mt19937 random(1);
  std::vector<timer_node> node(10'000);
  std::vector<instant> expected;
  timer_heap heap;
  for (timer_node& each : node) {
    expected.push_back(static_cast<instant>(random() % 5'000));
    heap.arm(each, expected.back());
  }
  CHECK(heap.size() == node.size());
  std::sort(expected.begin(), expected.end());
  std::vector<instant> come;
  for (instant now = 0; now < 5'000; ++now) {
    while (timer_node* due = heap.expire(now)) {
      REQUIRE(due->deadline == now);
      come.push_back(now);
    }
  }
  CHECK(come == expected);
  CHECK(heap.size() == 0);
}

TEST_CASE("the slot of a timer that was removed, or is called off and comes up, is used again") {
  timer_heap heap;
  std::uint32_t largest = 0;
  for (instant each = 0; each < 1000; ++each) {
    timer_node removed, called_off;
    heap.arm(removed, 10'000);
    heap.arm(called_off, each);
    largest = std::max({largest, removed.slot, called_off.slot});
    heap.disarm(called_off);
    heap.remove(removed);
    REQUIRE(heap.expire(each) == nullptr);
    REQUIRE(called_off.slot == timer_node::none);
  }
  CHECK(largest < 8);
  CHECK(heap.size() == 0);
}

TEST_CASE("who takes the slot of one that was removed comes at its own time") {
  for (const instant deadline : {5, 10, 20}) {  // before, at and after that of the one before
    CAPTURE(deadline);
    timer_node removed, next;
    timer_heap heap;
    heap.arm(removed, 10);
    const std::uint32_t slot = removed.slot;
    heap.remove(removed);
    CHECK(heap.next_deadline() == never);
    heap.arm(removed, 10);
    heap.remove(removed);
    heap.arm(next, deadline);
    REQUIRE(next.slot == slot);
    CHECK(heap.next_deadline() == deadline);
    CHECK(heap.expire(deadline - 1) == nullptr);
    CHECK(heap.expire(deadline) == &next);
  }
}

TEST_CASE("a heap that goes lets go of its timers, which another may hold then") {
  timer_node node;
  {
    timer_heap heap;
    heap.arm(node, 10);
  }
  CHECK(node.slot == timer_node::none);
  timer_heap another;
  another.arm(node, 20);
  CHECK(another.size() == 1);
  CHECK(another.expire(20) == &node);
}
