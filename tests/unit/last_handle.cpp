/// What happens when the last handle goes away, on the owner's thread.
#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_exit;
using test::counted;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S19: of an unstarted or finished greenlet runs none of its code") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    int runs = 0;
    greenlet unstarted{[&runs, held = counted(1)] { ++runs; }, {.where = where}};
    unstarted.reset();
    CHECK(runs == 0);
    CHECK(counted::alive == 0);  // its captures go all the same
    greenlet finished{[&runs] { ++runs; }, {.where = where}};
    finished.switch_to();
    finished.reset();
    CHECK(runs == 1);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S20: of a suspended one unwinds it before the drop returns") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    bool exit_seen = false;
    bool parent_is_dropper = false;
    greenlet victim;
    const greenlet dropper{[&] {
                             victim.reset();
                             CHECK(counted::alive == 0);
                             CHECK(exit_seen);
                             return 1;
                           },
                           {.where = where}};
    victim = greenlet{[&] {
                        const counted local(1);
                        try {
                          test::to_parent();
                        } catch (const greenlet_exit&) {
                          exit_seen = true;
                          parent_is_dropper = greenlet::current().parent() == dropper;
                          throw;
                        }
                      },
                      {.where = where}};
    victim.switch_to();
    CHECK(counted::alive == 1);
    CHECK(dropper.switch_to().get<int>() == 1);
    CHECK(dropper.dead());
    CHECK(parent_is_dropper);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20: the result of a dying greenlet is discarded") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    greenlet victim{[] {
                      try {
                        test::to_parent();
                      } catch (const greenlet_exit&) {
                      }
                      return counted(5);
                    },
                    {.where = where}};
    victim.switch_to();
    victim.reset();
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S20: an exception in flight in the dropper is undisturbed") {
  struct dropper {
    greenlet held;
    int& uncaught_after;
    ~dropper() {
      held.reset();
      uncaught_after = std::uncaught_exceptions();
    }
  };
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int uncaught_inside = -1;
    int uncaught_after = -1;
    const greenlet g{[&] {
                       greenlet victim{[&] {
                                         struct note {
                                           int& uncaught;
                                           ~note() { uncaught = std::uncaught_exceptions(); }
                                         } at_end{uncaught_inside};
                                         test::to_parent();
                                       },
                                       {.where = offshoot::placement::dedicated}};
                       victim.switch_to();
                       try {
                         const dropper drops{std::move(victim), uncaught_after};
                         throw std::runtime_error("in flight");
                       } catch (const std::runtime_error& error) {
                         return std::string(error.what());
                       }
                     },
                     {.where = where}};
    CHECK(g.switch_to().get<std::string>() == "in flight");
    CHECK(uncaught_inside == 1);  // its own exit, not the dropper's exception as well
    CHECK(uncaught_after == 1);
    CHECK(std::uncaught_exceptions() == 0);
  }
}

namespace {

std::string unraisable_text;
std::string unraisable_name;

void note_unraisable(std::exception_ptr exception, const greenlet& origin) noexcept {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    unraisable_text = error.what();
  }
  unraisable_name = origin.name();
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S20: another exception that escapes goes to the unraisable handler") {
  CHECK((offshoot::set_unraisable_handler(&note_unraisable) == nullptr));
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    unraisable_text.clear();
    greenlet victim{[] {
                      try {
                        test::to_parent();
                      } catch (const greenlet_exit&) {
                        throw std::runtime_error("instead");
                      }
                    },
                    {.where = where, .name = "culprit"}};
    victim.switch_to();
    CHECK_NOTHROW(victim.reset());
    CHECK(unraisable_text == "instead");
    CHECK(unraisable_name == "culprit");
  }
  CHECK((offshoot::set_unraisable_handler(nullptr) == &note_unraisable));
  CHECK((offshoot::set_unraisable_handler(nullptr) == nullptr));
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20: the last handle of the running greenlet itself") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    // It runs on. If it then finishes, its result arrives; if it suspends, it is unwound first.
    greenlet finishes;
    finishes = greenlet{[&] {
                          finishes.reset();
                          return 4;
                        },
                        {.where = where}};
    CHECK(finishes.switch_to().get<int>() == 4);

    counted::reset();
    greenlet suspends;
    suspends = greenlet{[&] {
                          const counted local(0);
                          suspends.reset();
                          test::to_parent(5);
                        },
                        {.where = where}};
    CHECK(suspends.switch_to().get<int>() == 5);
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20: drops within drops, down a list of greenlets") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    constexpr int depth = 50;
    greenlet first;
    for (int i = 0; i < depth; ++i) {
      first = greenlet{[next = std::move(first)] {
                         const counted local(0);
                         test::to_parent();
                       },
                       {.where = where}};
      first.switch_to();
    }
    CHECK(counted::alive == depth);
    first.reset();
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S21: a dying greenlet cannot wait for another") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int exits = 0;
    const greenlet helper{[] { FAIL("must not run"); }, {.where = where}};
    greenlet victim{[&] {
                      try {
                        test::to_parent();
                      } catch (const greenlet_exit&) {
                        ++exits;
                      }
                      CHECK_THROWS_AS(helper.switch_to(), greenlet_exit);
                      CHECK_THROWS_AS(helper.throw_in(1), greenlet_exit);
                      CHECK_FALSE(helper.started());
                    },
                    {.where = where}};
    victim.switch_to();
    victim.reset();
    CHECK(exits == 1);
    CHECK_FALSE(helper.started());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21: one that swallows the exit gets it again at its next suspension") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int exits = 0;
    greenlet victim{[&exits] {
                      for (int i = 0; i < 50; ++i) {
                        try {
                          test::to_parent();
                        } catch (const greenlet_exit&) {
                          ++exits;
                        }
                      }
                    },
                    {.where = where}};
    victim.switch_to();
    victim.reset();
    CHECK(exits == 50);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21: one that stores a handle to itself while it dies lives on") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet saved;
    greenlet victim{[&saved] {
                      try {
                        test::to_parent();
                      } catch (const greenlet_exit&) {
                        saved = greenlet::current();
                      }
                      CHECK(test::to_parent(1).get<int>() == 2);
                      return 3;
                    },
                    {.where = where}};
    victim.switch_to();
    victim.reset();
    REQUIRE(saved);
    CHECK(saved.active());
    CHECK(saved.parent() == greenlet::main());
    CHECK(saved.switch_to(2).get<int>() == 3);
    CHECK(saved.dead());

    // And can be dropped a second time: the exits that it swallowed before are forgotten, or
    // twice sixty would be over the limit.
    int exits = 0;
    const auto swallow_sixty = [&exits] {
      for (int i = 0; i < 60; ++i) {
        try {
          test::to_parent();
        } catch (const greenlet_exit&) {
          ++exits;
        }
      }
    };
    greenlet again{[&] {
                     swallow_sixty();
                     saved = greenlet::current();
                     test::to_parent();
                     swallow_sixty();
                   },
                   {.where = where}};
    again.switch_to();
    again.reset();
    CHECK(exits == 60);
    CHECK(saved.active());
    saved.switch_to();
    saved.reset();
    CHECK(exits == 120);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21: one that lives on gives its children and parent back as they were") {
  using offshoot::detail::access;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    // The parent it had is owned again: dropping all other handles keeps it until the child goes.
    counted::reset();
    greenlet saved;
    greenlet parent{[] {
                      const counted local(0);
                      test::to_parent();
                    },
                    {.where = where}};
    parent.switch_to();
    greenlet victim{[&saved] {
                      try {
                        greenlet::main().switch_to();
                      } catch (const greenlet_exit&) {
                        saved = greenlet::current();
                      }
                      greenlet::main().switch_to();
                    },
                    {.parent = parent, .where = where}};
    victim.switch_to();
    victim.reset();
    REQUIRE(saved);
    CHECK(saved.parent() == parent);
    CHECK_FALSE(access::block(saved)->has(offshoot::detail::borrows_parent));
    parent.reset();
    CHECK(counted::alive == 1);
    saved.reset();
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21: one that lives on with a parent that was only lent to it owns none") {
  using offshoot::detail::access;
  using offshoot::detail::borrows_parent;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const offshoot::detail::lent_parent lender{1, nullptr, access::block(greenlet::main())};
    const auto owners_of_main = access::block(greenlet::main())->references();
    greenlet saved;
    greenlet victim{[&saved] {
                      try {
                        test::to_parent();
                      } catch (const greenlet_exit&) {
                        saved = greenlet::current();
                      }
                      test::to_parent();
                    },
                    {.where = where}};
    victim.switch_to();
    offshoot::detail::lend_parent(access::block(victim), lender);
    victim.reset();
    REQUIRE(saved);
    CHECK(saved.parent() == greenlet::main());
    CHECK(access::block(saved)->has(borrows_parent));
    saved.switch_to();
    CHECK(saved.dead());
    saved.reset();
    CHECK(access::block(greenlet::main())->references() == owners_of_main);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20: one that has let go of itself drops another") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet first;
    greenlet second;
    bool unwound = false;
    bool went_on = false;
    struct note {
      bool& flag;
      ~note() { flag = true; }
    };
    second = greenlet{[&] {
                        const note at_end{unwound};
                        test::to_parent();
                      },
                      {.where = where}};
    second.switch_to();
    first = greenlet{[&] {
                       first.reset();   // an orphan from here on
                       second.reset();  // its death must not be the end of us
                       went_on = true;
                     },
                     {.where = where}};
    first.switch_to();
    CHECK(unwound);
    CHECK(went_on);
  }
}
