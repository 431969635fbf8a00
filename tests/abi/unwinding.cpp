/// What an unwinder sees: a greenlet's frames down to the trampoline, and nobody else's.
#include <offshoot/greenlet.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>
#include <unwind.h>

#include "support/fixture.hpp"

#include OFFSHOOT_ARCH_HEADER

using offshoot::greenlet;

namespace {

struct trace {
  std::vector<std::uintptr_t> functions;  ///< where each begins
  _Unwind_Reason_Code end = _URC_NO_REASON;

  bool holds(std::uintptr_t function) const {
    return std::find(functions.begin(), functions.end(), function) != functions.end();
  }
};

[[gnu::noinline]] trace unwind() {
  trace seen;
  seen.end = _Unwind_Backtrace(
      [](_Unwind_Context* context, void* into) {
        auto& functions = static_cast<trace*>(into)->functions;
        // A last call, without a frame, tells that there are no more.
        if (_Unwind_GetIP(context) != 0) functions.push_back(_Unwind_GetRegionStart(context));
        return functions.size() < 1000 ? _URC_NO_REASON : _URC_END_OF_STACK;
      },
      &seen);
  return seen;
}

const auto trampoline = reinterpret_cast<std::uintptr_t>(
    _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(&offshoot_start)));
const auto entry = reinterpret_cast<std::uintptr_t>(&offshoot_enter);

[[gnu::noinline]] trace nested_calls(int depth) {
  trace seen = depth == 0 ? unwind() : nested_calls(depth - 1);
  asm volatile("" ::: "memory");  // no tail call
  return seen;
}

[[gnu::noinline]] trace after_a_switch(int depth) {
  if (depth == 0) test::to_parent();
  trace seen = depth == 0 ? unwind() : after_a_switch(depth - 1);
  asm volatile("" ::: "memory");
  return seen;
}

void check_ends_at_trampoline(const trace& seen, std::size_t at_least) {
  CHECK(seen.end == _URC_END_OF_STACK);
  REQUIRE(seen.functions.size() >= at_least);
  CHECK(seen.functions.size() < at_least + 30);
  CHECK(seen.functions.back() == trampoline);
  CHECK(std::count(seen.functions.begin(), seen.functions.end(), trampoline) == 1);
  CHECK(seen.holds(entry));
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: an unwinder stops at the trampoline, from any depth") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    for (const int depth : {0, 1, 20}) {
      const greenlet g{[depth] { return nested_calls(depth); }, {.where = where}};
      const trace seen = g.switch_to().get<trace>();
      check_ends_at_trampoline(seen, static_cast<std::size_t>(depth) + 3);
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: also after its frames have been copied out and back") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::vector<greenlet> all;
    for (int i = 0; i < 40; ++i) {
      all.emplace_back([] { return after_a_switch(10); }, offshoot::options{.where = where});
      all.back().switch_to();
    }
    for (const greenlet& each : all) {
      check_ends_at_trampoline(each.switch_to().get<trace>(), 13);
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S28: nested greenlets do not show the frames they lie below") {
  const greenlet outer{[] {
    const trace mine = nested_calls(3);
    const greenlet inner{[] { return nested_calls(3); }, {.where = offshoot::placement::nested}};
    const trace seen = inner.switch_to().get<trace>();
    check_ends_at_trampoline(seen, 6);
    CHECK(seen.functions.size() <= mine.functions.size());
  }};
  outer.switch_to();
  CHECK(outer.dead());
}

/// Where the return address would be with which offshoot_start would have been called.
template <class Frame>
std::uintptr_t* above_first_frame(std::uintptr_t stop) {
  if constexpr (std::is_empty_v<Frame>) {
    return reinterpret_cast<std::uintptr_t*>(stop);
  } else {
    auto& above = reinterpret_cast<Frame*>(stop)[-1].above;
    REQUIRE(above[0] == 0);
    return above;
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: not even an address above the first frame leads on") {
  using offshoot::detail::first_frame;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    // Only there is something above a stack on which nothing is laid: somebody else's frames.
    if (std::is_empty_v<first_frame> && where != offshoot::placement::nested) continue;
    const greenlet g{[] {
                       const auto& self = *offshoot::detail::thread_state::here()->current;
                       auto* const above = above_first_frame<first_frame>(self.stop);
                       const std::uintptr_t was = *above;
                       // One that can be unwound further.
                       *above = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
                       trace seen = nested_calls(2);
                       *above = was;
                       return seen;
                     },
                     {.where = where}};
    check_ends_at_trampoline(g.switch_to().get<trace>(), 5);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: a fresh frame is zeros right below the stop") {
  alignas(16) static std::byte memory[512];
  std::memset(memory, 0xff, sizeof memory);
  const auto stop = reinterpret_cast<std::uintptr_t>(memory) + sizeof memory;
  offshoot::detail::context fresh;
  offshoot::detail::lay_first_frame(stop, fresh);
  constexpr std::size_t bytes = offshoot::detail::frame_bytes<offshoot::detail::first_frame>;
  CHECK(fresh.sp == stop - bytes);
  CHECK(fresh.sp % offshoot::detail::stack_alignment == 0);
  CHECK(fresh.ip == reinterpret_cast<std::uintptr_t>(&offshoot_start));
  CHECK(std::count(std::begin(memory), std::end(memory), std::byte{0}) ==
        static_cast<std::ptrdiff_t>(bytes));
}
