/// Who is whose parent, and who owns whom.
#include <offshoot/greenlet.hpp>

#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_error;
using offshoot::parent_cycle;
using offshoot::wrong_thread;
using test::counted;

TEST_CASE_FIXTURE(test::nothing_leaks, "S17: the default parent is the current greenlet") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet child;
    const greenlet g{[&] {
                       child = greenlet{[] {}, {.where = where}};
                       CHECK(child.parent() == greenlet::current());
                     },
                     {.where = where}};
    CHECK(g.parent() == greenlet::main());
    g.switch_to();
    CHECK(child.parent() == g);
    const greenlet given{[] {}, {.parent = child, .where = where}};
    CHECK(given.parent() == child);
    given.set_parent(g);
    CHECK(given.parent() == g);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S17: a cycle is refused and nothing changes") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet a{[] { test::to_parent(); }, {.where = where}};
    const greenlet b{[] {}, {.parent = a, .where = where}};
    const greenlet c{[] {}, {.parent = b, .where = where}};
    for (const bool started : {false, true}) {
      CAPTURE(started);
      if (started) a.switch_to();
      CHECK_THROWS_AS(a.set_parent(a), parent_cycle);
      CHECK_THROWS_AS(a.set_parent(b), parent_cycle);
      CHECK_THROWS_AS(a.set_parent(c), parent_cycle);
      CHECK_THROWS_AS(b.set_parent(c), parent_cycle);
      CHECK(a.parent() == greenlet::main());
      CHECK(b.parent() == a);
      CHECK(c.parent() == b);
    }
    c.set_parent(greenlet::main());
    b.set_parent(c);  // no cycle any more
    CHECK(b.parent() == c);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S17: a main greenlet can have no parent") {
  const greenlet g{[] {}};
  CHECK_THROWS_AS(greenlet::main().set_parent(g), greenlet_error);
  CHECK_THROWS_AS(greenlet::main().set_parent(greenlet::main()), greenlet_error);
  CHECK_FALSE(greenlet::main().parent());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S17: a started greenlet's parent must be on its own thread") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet here{[] { test::to_parent(); }, {.where = where}};
    here.switch_to();
    const greenlet mine = greenlet::main();
    std::thread([&] {
      const greenlet theirs = greenlet::main();
      CHECK_THROWS_AS(here.set_parent(theirs), wrong_thread);  // not the owner
      CHECK(here.parent() == mine);
      const greenlet there{[] { test::to_parent(); }, {.where = where}};
      there.switch_to();
      CHECK_THROWS_AS(there.set_parent(mine), wrong_thread);  // not the owner's
      CHECK_THROWS_AS(there.set_parent(here), wrong_thread);
      CHECK(there.parent() == theirs);
    }).join();
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S17: an unstarted one goes to its new parent's thread and runs there") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::thread::id ran_on;
    const greenlet g{[&] {
                       ran_on = std::this_thread::get_id();
                       return 3;
                     },
                     {.where = where}};
    std::thread([&] {
      CHECK_THROWS_AS(g.switch_to(), wrong_thread);
      CHECK_FALSE(g.started());
      g.set_parent(greenlet::main());
      CHECK(g.switch_to().get<int>() == 3);
      CHECK(ran_on == std::this_thread::get_id());
    }).join();
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S18: children own their parents") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    bool unwound = false;
    struct note {
      bool& unwound;
      ~note() { unwound = true; }
    };
    greenlet parent{[&]() -> int {
                      const note at_end{unwound};
                      return test::to_parent().get<int>() + 1;
                    },
                    {.where = where}};
    parent.switch_to();
    greenlet child{[](int got) { return got + 1; }, {.parent = parent, .where = where}};
    parent.reset();
    CHECK_FALSE(unwound);
    CHECK(child.switch_to(1).get<int>() == 3);
    CHECK(unwound);

    unwound = false;
    greenlet again{[&] {
                     const note at_end{unwound};
                     test::to_parent();
                   },
                   {.where = where}};
    again.switch_to();
    child = greenlet{[] {}, {.parent = again, .where = where}};
    again.reset();
    CHECK_FALSE(unwound);
    child.reset();  // with the last child goes the parent
    CHECK(unwound);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S18: the run function and its captures go at finish") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    {
      const greenlet returns{[held = counted(1)] { CHECK(held.content == 1); }, {.where = where}};
      const greenlet throws{[held = counted(2)] { throw held.content; }, {.where = where}};
      const greenlet killed{[held = counted(3)] { test::to_parent(); }, {.where = where}};
      const greenlet never{[held = counted(4)] {}, {.where = where}};
      CHECK(counted::alive == 4);
      returns.switch_to();
      CHECK(counted::alive == 3);
      CHECK_THROWS_AS(throws.switch_to(), int);
      CHECK(counted::alive == 2);
      killed.switch_to();
      killed.throw_in();
      CHECK(counted::alive == 1);
      never.throw_in();
      CHECK(counted::alive == 0);
    }
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S18: a finished greenlet's record and slice go at finish") {
  using namespace offshoot::detail;
  static int records;
  records = 0;
  struct record : extension {
    record() { ++records; }
    ~record() override { --records; }
  };
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] { test::to_parent(); }, {.where = where}};
    attach(offshoot::detail::access::block(g), std::make_unique<record>());
    g.switch_to();
    CHECK(records == 1);
    CHECK(extension_of(offshoot::detail::access::block(g)) != nullptr);
    g.switch_to();
    CHECK(records == 0);
    CHECK(offshoot::detail::access::block(g)->saved.size() == 0);
  }
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S17 S20: a dying greenlet still descends from the parent that it will have again") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet ancestor{[] {}, {.where = where}};
    bool refused = false;
    struct adopter {
      const greenlet& ancestor;
      bool& refused;
      ~adopter() {
        try {
          ancestor.set_parent(greenlet::current());
        } catch (const offshoot::parent_cycle&) {
          refused = true;
        }
      }
    };
    greenlet child{[&] {
                     const adopter at_end{ancestor, refused};
                     greenlet::main().switch_to();
                   },
                   {.parent = ancestor, .where = where}};
    child.switch_to();
    child.reset();
    CHECK(refused);
    CHECK(ancestor.parent() == greenlet::main());
  }
}
