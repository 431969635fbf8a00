/// Guarded mode: which stacks are closed when.
#include "core/guard.hpp"

#include <offshoot/guard.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include "support/fixture.hpp"
#include "support/readable.hpp"

using offshoot::greenlet;
using offshoot::guard_mode;
using offshoot::placement;

namespace {

[[maybe_unused]] const bool chosen = [] {
  offshoot::set_guard_mode(guard_mode::copied);
  return true;
}();

std::uintptr_t inside(const greenlet& subject) {
  return offshoot::detail::access::block(subject)->sp();
}

greenlet suspended(placement where) {
  greenlet made{[] { test::to_parent(); }, {.where = where, .name = "subject"}};
  made.switch_to();
  return made;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "a stack is closed while its greenlet is suspended") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    bool open_while_running = false;
    greenlet subject{[&] {
                       for (;;) {
                         test::to_parent();
                         const auto here = __builtin_frame_address(0);
                         open_while_running =
                             test::readable(reinterpret_cast<std::uintptr_t>(here));
                       }
                     },
                     {.where = where}};
    subject.switch_to();
    const bool lendable = where == placement::dedicated;
    CHECK(test::readable(inside(subject)) == lendable);
    subject.switch_to();
    CHECK(open_while_running);
    CHECK(test::readable(inside(subject)) == lendable);
    const std::uintptr_t was = inside(subject);
    subject.reset();
    CHECK(test::readable(was) == lendable);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "nobody's stack is shared, and no byte of one ever moves") {
  const greenlet one = suspended(placement::lane);
  const greenlet two = suspended(placement::lane);
  const greenlet three = suspended(placement::nested);
  const auto region_of = [](const greenlet& each) {
    return offshoot::detail::access::block(each)->where;
  };
  CHECK(region_of(one) != region_of(two));
  CHECK(region_of(two) != region_of(three));
  CHECK(region_of(three) != region_of(greenlet::main()));
  CHECK(one.stack_saved_bytes() + two.stack_saved_bytes() + three.stack_saved_bytes() == 0);
  CHECK(offshoot::on_lane(reinterpret_cast<const void*>(inside(one))));
  CHECK_FALSE(offshoot::on_lane(reinterpret_cast<const void*>(inside(three))));
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a dedicated stack is open, whoever had it before") {
  greenlet closed = suspended(placement::lane);
  const auto& region = *offshoot::detail::access::block(closed)->where;
  const std::size_t bytes = region.high - region.low;
  const std::uintptr_t was = region.low;
  closed.reset();
  const greenlet next{[] { test::to_parent(); },
                      {.where = placement::dedicated, .stack_size = bytes}};
  next.switch_to();
  REQUIRE(offshoot::detail::access::block(next)->where->low == was);
  CHECK(test::readable(inside(next)));
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "a system call into a suspended stack fails, and can say why") {
  const greenlet subject = suspended(placement::lane);
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  REQUIRE(write(ends[1], "x", 1) == 1);
  auto* const stray = reinterpret_cast<void*>(inside(subject));
  errno = 0;
  CHECK(read(ends[0], stray, 1) == -1);
  CHECK(errno == EFAULT);
  const std::string said = offshoot::describe_address(stray);
  CHECK(said.find("the stack of greenlet 'subject' #") == 0);
  CHECK(said.find("(lane), spawned at ") != std::string::npos);
  CHECK(said.find("guard.cpp:") != std::string::npos);
  CHECK(said.find(", which is suspended") != std::string::npos);
  CHECK(offshoot::describe_address(&ends).empty());  // above every stack of a greenlet
  CHECK(offshoot::describe_address(reinterpret_cast<const void*>(16)).empty());  // and below
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "the stack of a report has a guard page of its own below") {
  std::thread([] {
    stack_t present{};
    present.ss_flags = SS_DISABLE;
    REQUIRE(sigaltstack(&present, nullptr) == 0);  // a sanitizer's would do for a report, too
    greenlet::main();
    REQUIRE(sigaltstack(nullptr, &present) == 0);
    REQUIRE((present.ss_flags & SS_DISABLE) == 0);
    const auto low = reinterpret_cast<std::uintptr_t>(present.ss_sp);
    CHECK(test::readable(low));
    CHECK_FALSE(test::readable(low - 1));
  }).join();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a thread's end leaves no closed stack behind") {
  const int before = offshoot::detail::closed_regions();
  std::thread([before] {
    const greenlet finished = suspended(placement::lane);
    const greenlet unwound = suspended(placement::nested);
    finished.switch_to();
    CHECK(offshoot::detail::closed_regions() == before + 2);
  }).join();
  CHECK(offshoot::detail::closed_regions() == before);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "the mode cannot be changed once there are greenlets") {
  CHECK(offshoot::guarding() == guard_mode::copied);
  CHECK_THROWS_AS(offshoot::set_guard_mode(guard_mode::off), offshoot::greenlet_error);
  CHECK_THROWS_AS(offshoot::set_guard_mode(guard_mode::all), offshoot::greenlet_error);
  offshoot::set_guard_mode(guard_mode::copied);
  CHECK(offshoot::guarding() == guard_mode::copied);
}
