/// The functions of `standing.hpp` and of this file, in order, for greenlets in every state.
#include <offshoot/backtrace.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>
#include <offshoot/trace.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"
#include "support/standing.hpp"

using offshoot::backtrace;
using offshoot::greenlet;
using offshoot::placement;
using offshoot::stack_frame;
using offshoot::stack_trace;

namespace {

using names = std::vector<std::string>;

/// Of those frames of a trace that are functions which stand out by their names here.
names known_functions(const stack_trace& trace) {
  names found;
  for (const stack_frame& each : trace.frames) {
    // clang tells of the unnamed namespace, in brackets; g++ does not.
    const std::size_t start_at = each.function.starts_with('(') ? each.function.find("::") + 2 : 0;
    const std::string name =
        each.function.substr(start_at, each.function.find('(', start_at) - start_at);
    const std::array ours{"stand", "at_", "offshoot_enter", "offshoot_start"};
    if (name == "main" || std::any_of(ours.begin(), ours.end(),
                                      [&](const char* start) { return name.starts_with(start); })) {
      found.push_back(name);
    }
  }
  return found;
}

names ending_in_start(names inner) {
  inner.insert(inner.end(), {"offshoot_enter", "offshoot_start"});
  return inner;
}

template <class Printable>
std::string text_of(const Printable& printed) {
  std::ostringstream text;
  text << printed;
  return text.str();
}

/// The innermost of them whose name has `function` in it.
const stack_frame& frame_of(const stack_trace& trace, const std::string& function) {
  const auto found = std::find_if(
      trace.frames.begin(), trace.frames.end(),
      [&](const stack_frame& each) { return each.function.find(function) != std::string::npos; });
  INFO(text_of(trace));
  REQUIRE(found != trace.frames.end());
  return *found;
}

extern "C" {
[[gnu::noinline]] void at_self(stack_trace* into) {
  *into = backtrace(greenlet::current());
  test::keep_frame();
}
[[gnu::noinline]] void at_caller(stack_trace* into) {
  at_self(into);
  test::keep_frame();
}
[[gnu::noinline]] void at_switch_from_main(const greenlet& to) {
  to.switch_to();
  test::keep_frame();
}
[[gnu::noinline]] void at_yield(offshoot::generator<int>::yielder& out) {
  out(1);
  test::keep_frame();
}
}

constexpr std::uint32_t line_of_inlined = __LINE__ + 2;
[[gnu::always_inline]] inline void at_inlined() {
  stand();
  test::keep_frame();
}
constexpr std::uint32_t line_of_host = __LINE__ + 2;
[[gnu::noinline]] void at_host() {
  at_inlined();
  test::keep_frame();
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: in place, in a slice, in both") {
  const test::standing all;
  if (offshoot::guarding() == offshoot::guard_mode::off) {
    CHECK(all.out.stack_saved_bytes() != 0);
    CHECK(all.partly.stack_saved_bytes() != 0);
  }
  CHECK(known_functions(backtrace(all.out)) == ending_in_start({"stand", "stand_out"}));
  CHECK(known_functions(backtrace(all.in_place)) == ending_in_start({"stand", "stand_in_place"}));
  CHECK(known_functions(backtrace(all.dedicated)) == ending_in_start({"stand", "stand_dedicated"}));
  CHECK(known_functions(backtrace(all.below)) == ending_in_start({"stand", "stand_below"}));
  CHECK(known_functions(backtrace(all.partly)) ==
        ending_in_start({"stand", "stand_aligned", "stand_aligned", "stand_aligned",
                         "stand_aligned", "stand_partly"}));
  CHECK(backtrace(all.out).saved_bytes == all.out.stack_saved_bytes());
  CHECK(backtrace(all.out).state == "suspended");
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: the current greenlet's begins at the caller") {
  stack_trace seen;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[&seen] { at_caller(&seen); }, {.where = where}};
    g.switch_to();
    CHECK(seen.state == "running");
    REQUIRE(!seen.frames.empty());
    CHECK(seen.frames.front().function == "at_self");
    CHECK(known_functions(seen) == ending_in_start({"at_self", "at_caller"}));
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: the main greenlet, current or suspended") {
  stack_trace seen;
  at_caller(&seen);
  CHECK(seen.origin.starts_with("main greenlet #"));
  CHECK(seen.parents.empty());
  CHECK(known_functions(seen) == names{"at_self", "at_caller", "main"});

  const greenlet g{[&seen] { seen = backtrace(greenlet::main()); }};
  at_switch_from_main(g);
  CHECK(seen.state == "suspended");
  CHECK(known_functions(seen) == names{"at_switch_from_main", "main"});
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: file and line, also of what is inlined") {
  const greenlet g{[] { at_host(); }};
  g.switch_to();
  const stack_trace trace = backtrace(g);
  INFO(text_of(trace));
  const stack_frame& host = frame_of(trace, "at_host");
  CHECK(host.file.ends_with("tests/trace/backtrace.cpp"));
#ifdef __clang__  // libdw does not always find the scopes of inlined functions that it describes
  CHECK((host.line == line_of_host || host.line == line_of_inlined));
  if (host.line == line_of_inlined) return;
#endif
  const stack_frame& inlined = frame_of(trace, "at_inlined");
  CHECK(host.line == line_of_host);
  CHECK(!host.inlined);
  CHECK(inlined.file.ends_with("tests/trace/backtrace.cpp"));
  CHECK(inlined.line == line_of_inlined);
  CHECK(inlined.inlined);
  CHECK(&inlined < &host);
  CHECK(host.object.ends_with("unit-backtrace"));
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "backtrace: neither unstarted nor finished ones have frames") {
  const greenlet g{[] {}, {.name = "short"}};
  stack_trace trace = backtrace(g);
  CHECK(trace.state == "unstarted");
  CHECK(trace.frames.empty());
  g.switch_to();
  trace = backtrace(g);
  CHECK(trace.state == "finished");
  CHECK(trace.frames.empty());
  CHECK(trace.origin.starts_with("greenlet 'short' #"));
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "backtrace: not of nobody, nor of another thread's greenlet") {
  CHECK_THROWS_AS(backtrace(greenlet{}), offshoot::greenlet_error);
  const greenlet g{&stand};
  g.switch_to();
  std::thread([&g] { CHECK_THROWS_AS(backtrace(g), offshoot::wrong_thread); }).join();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: more frames than there is room for at first") {
  const greenlet g{[] { stand_aligned(200); }, {.where = placement::dedicated}};
  g.switch_to();
  CHECK(known_functions(backtrace(g)).size() == 204);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: parents are the chain that they are") {
  stack_trace seen;
  greenlet inner;
  const greenlet outer{[&] {
                         inner = greenlet{[&seen] { at_self(&seen); }, {.name = "inner"}};
                         inner.switch_to();
                       },
                       {.name = "outer"}};
  outer.switch_to();
  CHECK(seen.parents == std::vector{outer.id(), greenlet::main().id()});
  CHECK(seen.id == inner.id());
  std::ostringstream expected;
  expected << "greenlet 'inner' #" << inner.id() << " (lane), spawned at ";
  CHECK(text_of(seen).starts_with(expected.str()));
  expected.str("");
  expected << ", running, parents: #" << outer.id() << ", #" << greenlet::main().id() << "\n";
  CHECK(text_of(seen).find(expected.str()) != std::string::npos);
  CHECK(seen.origin.find("tests/trace/backtrace.cpp:") != std::string::npos);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace_all: every active one, each after its parent") {
  offshoot::generator<int> numbers{[](auto& out) { at_yield(out); }};
  CHECK(*numbers.begin() == 1);
  const test::standing all;
  const greenlet child{&stand, {.parent = all.out, .name = "child"}};
  child.switch_to();  // suspends in favour of `out`, which finishes
  const std::vector<stack_trace> traces = offshoot::backtrace_all();

  std::size_t active = 0;
  offshoot::for_each_greenlet([&active](const greenlet&) { ++active; });
  REQUIRE(traces.size() == active);
  CHECK(traces.front().origin.starts_with("main greenlet"));
  CHECK(traces.front().state == "running");
  std::vector<std::uint64_t> seen;
  bool saw_generator = false;
  for (const stack_trace& each : traces) {
    CHECK(!each.frames.empty());
    if (!each.parents.empty() && each.parents.front() != all.out.id()) {
      CHECK(std::find(seen.begin(), seen.end(), each.parents.front()) != seen.end());
    }
    seen.push_back(each.id);
    saw_generator = saw_generator || known_functions(each) == ending_in_start({"at_yield"});
  }
  CHECK(saw_generator);
  CHECK(text_of(traces).find("\n  greenlet 'in place' #") != std::string::npos);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "backtrace: a greenlet goes on undisturbed by it") {
  const test::standing all;
  for (const greenlet* each : {&all.out, &all.in_place, &all.dedicated, &all.below, &all.partly}) {
    const std::size_t saved = each->stack_saved_bytes();
    static_cast<void>(backtrace(*each));
    CHECK(each->stack_saved_bytes() == saved);
  }
  all.out.switch_to();
  CHECK(all.out.dead());
}
