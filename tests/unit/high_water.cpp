/// How much of its stack a greenlet has had in use, whoever runs there besides. Measured in guarded
/// mode and by a library that was built to.
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>
#include <offshoot/on_lane.hpp>

#include <cstddef>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>

#include "core/stack.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;

namespace {

const bool measured =
    offshoot::detail::measures_stacks || offshoot::guarding() != offshoot::guard_mode::off;

constexpr std::size_t deep = 50'000;

[[gnu::noinline]] void reach_down() {
  volatile char frame[deep];
  frame[0] = 1;
  CHECK(frame[0] == 1);
}

/// Switches to its parent twice, goes deep and switches there again.
greenlet diver(placement where) {
  return greenlet{[] {
                    test::to_parent();
                    test::to_parent();
                    reach_down();
                    test::to_parent();
                  },
                  {.where = where}};
}

greenlet paddler(placement where) {
  return greenlet{[] {
                    for (;;) test::to_parent();
                  },
                  {.where = where}};
}

/// Two that take turns on one stack where that is possible.
void check_turns(placement where) {
  for (int again = 0; again < 3; ++again) {  // on stacks that have been in use, too
    const greenlet shallow = paddler(where);
    const greenlet falls = diver(where);
    CHECK(falls.stack_high_water() == 0);
    shallow.switch_to();
    const std::size_t little = shallow.stack_high_water();
    CHECK(little > 0);
    CHECK(little < deep);
    falls.switch_to();
    shallow.switch_to();
    falls.switch_to();
    CHECK(falls.stack_high_water() < deep);
    falls.switch_to();
    CHECK(falls.stack_high_water() >= deep);
    CHECK(falls.stack_high_water() < deep + little + 4096);
    CHECK(shallow.stack_high_water() < deep);  // what lies there now is another's
    shallow.switch_to();
    CHECK(shallow.stack_high_water() < deep);  // nor was it there when this one came again
    CHECK(falls.stack_high_water() >= deep);
    falls.switch_to();
    REQUIRE(falls.dead());
    CHECK(falls.stack_high_water() >= deep);
    CHECK(falls.stack_high_water() < deep + little + 4096);
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "the high-water mark is a greenlet's own, whoever else was there" *
                      doctest::skip(!measured)) {
  std::thread([] {
    offshoot::set_lane_count(1);
    for (const auto where : test::placements) {
      CAPTURE(test::name_of(where));
      reach_down();  // the bytes below those who run here are not clean
      check_turns(where);
    }
    CHECK(greenlet::main().stack_high_water() == 0);
  }).join();
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "the high-water mark of a host is without those who run below it" *
                      doctest::skip(!measured)) {
  for (const auto where : {placement::lane, placement::dedicated}) {
    CAPTURE(test::name_of(where));
    const greenlet host{[] {
                          check_turns(placement::nested);
                          test::to_parent();
                        },
                        {.where = where}};
    host.switch_to();
    CHECK(host.stack_high_water() > 0);
    CHECK(host.stack_high_water() < deep);
    host.switch_to();
    REQUIRE(host.dead());
    CHECK(host.stack_high_water() < deep);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "who finishes before anybody has asked has a high-water mark" *
                      doctest::skip(!measured)) {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet brief{&reach_down, {.where = where}};
    brief.switch_to();
    REQUIRE(brief.dead());
    CHECK(brief.stack_high_water() >= deep);
    CHECK(brief.stack_high_water() < 2 * deep);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "without measuring there is no high-water mark" * doctest::skip(measured)) {
  for (const auto where : test::placements) {
    const greenlet subject = paddler(where);
    subject.switch_to();
    CHECK(subject.stack_high_water() == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "who never had a stack of its own has no high-water mark") {
  greenlet ended;
  std::thread([&] { ended = greenlet::main(); }).join();
  CHECK(ended.dead());
  CHECK(ended.stack_high_water() == 0);
  const greenlet never_ran{[] {}};
  CHECK_THROWS_AS(never_ran.throw_in(std::runtime_error("not wanted")), std::runtime_error);
  CHECK(never_ran.dead());
  CHECK(never_ran.stack_high_water() == 0);
}
