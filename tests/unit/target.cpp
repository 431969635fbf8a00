/// Whom a switch reaches.
#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::value;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S6: a switch to the current greenlet returns the payload at once") {
  CHECK(greenlet::main().switch_to(1).get<int>() == 1);
  CHECK_FALSE(greenlet::main().switch_to().has_value());
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       CHECK(greenlet::current().switch_to(1, 2).get<std::tuple<int, int>>() ==
                             std::tuple(1, 2));
                       CHECK_FALSE(greenlet::current().switch_to().has_value());
                       return greenlet::current().switch_to(3).get<int>() + 1;
                     },
                     {.where = where}};
    CHECK(g.switch_to().get<int>() == 4);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S7 S8: a switch starts, resumes, and goes between siblings") {
  for (const auto where : test::placements) {
    for (const auto other : test::placements) {
      CAPTURE(test::name_of(where));
      CAPTURE(test::name_of(other));
      std::vector<int> order;
      greenlet second;
      greenlet first{[&] {
                       order.push_back(12);
                       CHECK(second.switch_to(1).get<int>() == 3);  // not to the parent
                       order.push_back(34);
                     },
                     {.where = where}};
      second = greenlet{[&](int start) {
                          CHECK(start == 1);
                          order.push_back(56);
                          first.switch_to(3);
                          order.push_back(78);
                        },
                        {.where = other}};
      first.switch_to();
      CHECK(order == std::vector{12, 56, 34});
      CHECK(first.dead());
      CHECK(second.active());
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S9: a switch to a dead greenlet goes to the nearest live ancestor") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    // main <- waiting <- dead <- deader
    const greenlet waiting{[] { return test::to_parent().get<int>() + 1; }, {.where = where}};
    waiting.switch_to();
    const greenlet dead{[] {}, {.where = where}};
    const greenlet deader{[] {}, {.where = where}};
    for (const greenlet& each : {dead, deader}) each.switch_to();
    dead.set_parent(waiting);
    deader.set_parent(dead);
    CHECK(deader.switch_to(5).get<int>() == 6);
    CHECK(waiting.dead());
    CHECK(deader.switch_to(7).get<int>() == 7);  // now that is main itself
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S9: to the caller itself, if that is the ancestor") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet dead{[] {}, {.where = where}};
    dead.switch_to();
    CHECK(dead.switch_to(1).get<int>() == 1);
    CHECK_FALSE(dead.switch_to().has_value());
    const greenlet g{[where] {
                       const greenlet child{[] {}, {.where = where}};
                       child.switch_to();
                       return child.switch_to(2).get<int>() + 1;
                     },
                     {.where = where}};
    CHECK(g.switch_to().get<int>() == 3);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S9: an unstarted ancestor is started with the payload") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet ancestor{[](int got) { return got * 2; }, {.where = where}};
    const greenlet dead{[] { return 1; }, {.where = where}};
    dead.switch_to();
    dead.set_parent(ancestor);
    CHECK_THROWS_AS(dead.switch_to(std::string("not an int")), offshoot::bad_value);
    CHECK_FALSE(ancestor.started());
    CHECK(dead.switch_to(21).get<int>() == 42);
    CHECK(ancestor.dead());
  }
}

namespace {

/// Starts a greenlet from within its own move constructor.
struct starter {
  explicit starter(const greenlet* to, int count) : target(to), number(count) {}
  starter(starter&& other) noexcept : target(other.target), number(other.number) {
    if (const greenlet* once = std::exchange(other.target, nullptr)) {
      target = nullptr;
      once->switch_to(starter(nullptr, number + 1));
    }
  }
  const greenlet* target;
  int number;
};

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S10: a payload whose move starts the target arrives by an ordinary switch") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::vector<int> arrived;
    const greenlet g{[&](const starter& first) {
                       arrived.push_back(first.number);
                       arrived.push_back(test::to_parent().get<starter>().number);
                     },
                     {.where = where}};
    g.switch_to(starter(&g, 1));
    CHECK(arrived == std::vector{2, 1});
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S10: a tracer that switches away from a greenlet that is being started") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int in_tracer = 0;
    int in_run = 0;
    const greenlet g{[&](int first) { in_run = first; }, {.where = where}};
    bool once = true;
    offshoot::set_trace([&](auto, const greenlet&, const greenlet&) {
      if (std::exchange(once, false)) in_tracer = greenlet::main().switch_to().get<int>();
    });
    g.switch_to(1);
    CHECK(g.active());
    CHECK(in_run == 0);
    g.switch_to(2);  // an ordinary switch: the start is under way already
    offshoot::set_trace({});
    CHECK(in_tracer == 2);
    CHECK(in_run == 1);
    CHECK(g.dead());
  }
}
