/// Exceptions that are thrown into greenlets.
#include <offshoot/greenlet.hpp>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::value;
using test::counted;

TEST_CASE_FIXTURE(test::nothing_leaks, "S15: into a suspended one, at its switch point") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       try {
                         test::to_parent();
                       } catch (const std::string& text) {
                         return text + " caught";
                       }
                       return std::string("nothing was thrown");
                     },
                     {.where = where}};
    g.switch_to();
    CHECK(g.throw_in(std::string("one")).get<std::string>() == "one caught");

    // An exception_ptr keeps its identity.
    const auto pointer = std::make_exception_ptr(std::runtime_error("two"));
    bool same = false;
    const greenlet h{[&] {
                       try {
                         test::to_parent();
                       } catch (...) {
                         same = std::current_exception() == pointer;
                       }
                     },
                     {.where = where}};
    h.switch_to();
    h.throw_in(pointer);
    CHECK(same);
    CHECK(h.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S15: into the current one, in place") {
  CHECK_THROWS_AS(greenlet::main().throw_in(1), int);
  CHECK_THROWS_AS(greenlet::main().throw_in(), greenlet_exit);
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       CHECK_THROWS_AS(greenlet::current().throw_in(2), int);
                       return 3;
                     },
                     {.where = where}};
    CHECK(g.switch_to().get<int>() == 3);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S15: into an unstarted one, which never runs") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    bool ran = false;
    const greenlet g{[&ran, payload = counted(1)] { ran = payload.content == 1; },
                     {.where = where}};
    CHECK(counted::alive == 1);
    CHECK_THROWS_AS(g.throw_in(1), int);
    CHECK_FALSE(ran);
    CHECK(g.dead());
    CHECK(g.started());  // finished: no longer unstarted
    CHECK(counted::alive == 0);

    const greenlet exits{[&] { ran = true; }, {.where = where}};
    CHECK(exits.throw_in().holds<greenlet_exit>());
    CHECK_FALSE(ran);
    CHECK(exits.dead());

    // The exception goes to the parent, not to whoever threw it.
    const greenlet parent{[] {
                            try {
                              test::to_parent();
                            } catch (int got) {
                              return got + 1;
                            }
                            return 0;
                          },
                          {.where = where}};
    parent.switch_to();
    const greenlet child{[&] { ran = true; }, {.parent = parent, .where = where}};
    CHECK(child.throw_in(10).get<int>() == 11);
    CHECK(parent.dead());
    CHECK_FALSE(ran);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S15: into a dead one, in the nearest live ancestor") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet dead{[] {}, {.where = where}};
    dead.switch_to();
    CHECK_THROWS_AS(dead.throw_in(1), int);
    CHECK(dead.throw_in().holds<greenlet_exit>());

    std::string seen;
    const greenlet ancestor{[&] {
                              try {
                                test::to_parent();
                              } catch (int) {
                                seen = "int";
                              }
                              if (test::to_parent().holds<greenlet_exit>()) seen += ", exit";
                            },
                            {.where = where}};
    ancestor.switch_to();
    dead.set_parent(ancestor);
    dead.throw_in(1);
    CHECK(seen == "int");
    dead.throw_in();
    CHECK(seen == "int, exit");
    CHECK(ancestor.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S15: greenlet_exit into a dead one starts an unstarted ancestor as a value") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet dead{[] {}, {.where = where}};
    dead.switch_to();
    bool started = false;
    const greenlet ancestor{[&](greenlet_exit) {
                              started = true;
                              return 5;
                            },
                            {.where = where}};
    dead.set_parent(ancestor);
    CHECK(dead.throw_in().get<int>() == 5);
    CHECK(started);

    // Any other exception finishes such an ancestor without running it.
    const greenlet never{[&] { FAIL("must not run"); }, {.where = where}};
    dead.set_parent(never);
    CHECK_THROWS_AS(dead.throw_in(std::runtime_error("on and on")), std::runtime_error);
    CHECK(never.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S15: a null exception_ptr is refused") {
  const greenlet g{[] { test::to_parent(); }};
  CHECK_THROWS_AS(g.throw_in(std::exception_ptr{}), offshoot::greenlet_error);
  CHECK_FALSE(g.started());
  g.switch_to();
  CHECK_THROWS_AS(g.throw_in(std::exception_ptr{}), offshoot::greenlet_error);
  CHECK(g.active());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S15: an exception that is derived from nothing, and a bad one to start with") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    // A class derived from a greenlet_error is still one where it arrives.
    const greenlet g{[] { test::to_parent(); }, {.where = where}};
    g.switch_to();
    CHECK_THROWS_AS(g.throw_in(offshoot::parent_cycle("as a base")), offshoot::greenlet_error);
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S16: if starting an ancestor fails, the new exception goes to the next") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::string caught;
    const greenlet top{[&] {
                         try {
                           test::to_parent();
                         } catch (const offshoot::bad_value& error) {
                           caught = error.what();
                         }
                       },
                       {.where = where}};
    top.switch_to();
    const greenlet picky{[](const std::string&) { FAIL("must not run"); },
                         {.parent = top, .where = where}};
    const greenlet child{[] { return 1.5; }, {.parent = picky, .where = where}};
    child.switch_to();
    CHECK(caught.find("double") != std::string::npos);
    CHECK(child.dead());
    CHECK(top.dead());

    // The same for an exit that becomes a value on its way.
    const greenlet dead{[] {}, {.where = where}};
    dead.switch_to();
    const greenlet takes_int{[](int) { FAIL("must not run"); }, {.where = where}};
    dead.set_parent(takes_int);
    CHECK_THROWS_AS(dead.throw_in(), offshoot::bad_value);
    CHECK_FALSE(takes_int.active());

    // And for a stack that cannot be had.
    const greenlet huge{[] { FAIL("must not run"); },
                        {.where = offshoot::placement::dedicated, .stack_size = test::too_large}};
    const greenlet below{[] {}, {.parent = huge, .where = where}};
    CHECK_THROWS_AS(below.switch_to(), offshoot::not_startable);
    CHECK(below.dead());
  }
}

namespace {

/// What a capture does at its end.
struct at_end {
  std::function<void()> work;
  explicit at_end(std::function<void()> what) : work(std::move(what)) {}
  at_end(at_end&& other) noexcept : work(std::exchange(other.work, nullptr)) {}
  ~at_end() {
    if (work) work();
  }
};
greenlet never_run(std::function<void()> work, const offshoot::options& chosen = {}) {
  return greenlet{[held = at_end(std::move(work))] { FAIL("must not run"); }, chosen};
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S15: captures may let go of the greenlet that is thrown into, and switch") {
  struct thrown {};
  bool astray = false;
  const greenlet bystander{[&astray] {
    try {
      greenlet::main().switch_to();
    } catch (const thrown&) {
      astray = true;
    }
  }};
  bystander.switch_to();
  const greenlet failing{[] { throw 1; }};
  greenlet in_its_place;
  greenlet target = never_run([&] {
    target.reset();
    CHECK_THROWS_AS(failing.switch_to(), int);
    in_its_place = never_run(nullptr, {.parent = bystander});
  });
  using namespace offshoot::detail;
  CHECK_THROWS_AS(throw_in(access::block(target), std::make_exception_ptr(thrown{})), thrown);
  CHECK(!target);
  CHECK(!astray);
}
