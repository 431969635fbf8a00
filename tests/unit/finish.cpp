/// Where results and exceptions go at the end.
#include <offshoot/greenlet.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::value;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S11: the result goes to the parent as it is at that moment") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int caught = 0;
    const greenlet other{[&] {
                           caught = test::to_parent().get<int>();
                           return caught + 1;
                         },
                         {.where = where}};
    other.switch_to();
    const greenlet g{[&] {
                       greenlet::current().set_parent(other);
                       return 1;
                     },
                     {.where = where}};
    CHECK(g.switch_to().get<int>() == 2);
    CHECK(caught == 1);

    // And as somebody else has changed it meanwhile.
    const greenlet third{[&] { return test::to_parent().get<int>() * 10; }, {.where = where}};
    third.switch_to();
    const greenlet waits{[] { return test::to_parent().get<int>(); }, {.where = where}};
    waits.switch_to();
    waits.set_parent(third);
    CHECK(waits.switch_to(4).get<int>() == 40);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S12: past dead parents to the nearest live ancestor") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet parent{[] {}, {.where = where}};
    const greenlet child{[] { return 5; }, {.parent = parent, .where = where}};
    const greenlet throws{[] { throw 6; }, {.parent = parent, .where = where}};
    parent.switch_to();
    CHECK(parent.dead());
    CHECK(child.switch_to().get<int>() == 5);
    CHECK_THROWS_AS(throws.switch_to(), int);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S12: a parent that went to another thread is passed over for main") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet gone{[] { FAIL("must not run here"); }, {.where = where}};
    const auto body = [] {
      greenlet::main().switch_to();
      return 5;
    };
    const greenlet child{body, {.parent = gone, .where = where}};
    child.switch_to();
    std::thread([&] { gone.set_parent(greenlet::main()); }).join();
    CHECK(child.switch_to().get<int>() == 5);
    CHECK(child.dead());
    CHECK_FALSE(gone.started());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S13: an exception is raised in the parent with type and identity") {
  struct odd {
    std::string text;
  };
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const odd* thrown = nullptr;
    const greenlet g{[&] {
                       try {
                         throw odd{"one of my own"};
                       } catch (odd& mine) {
                         thrown = &mine;
                         throw;
                       }
                     },
                     {.where = where}};
    try {
      g.switch_to();
      FAIL("nothing was thrown");
    } catch (const odd& mine) {
      CHECK(&mine == thrown);
      CHECK(mine.text == "one of my own");
    }
    CHECK(g.dead());

    // Through a parent that does not catch it, and not into whoever happened to resume the child.
    std::string caught_by;
    greenlet inner;
    const greenlet outer{[&] {
                           inner = greenlet{[] {
                                              test::to_parent();
                                              throw std::runtime_error("deep");
                                            },
                                            {.where = offshoot::placement::dedicated}};
                           inner.switch_to();
                           try {
                             test::to_parent();
                           } catch (const std::runtime_error&) {
                             caught_by = "outer";
                             throw;
                           }
                         },
                         {.where = where}};
    outer.switch_to();
    const greenlet resumer{[&] {
                             try {
                               inner.switch_to();
                             } catch (...) {
                               caught_by = "resumer";
                             }
                           },
                           {.where = where}};
    CHECK_THROWS_WITH_AS(resumer.switch_to(), "deep", std::runtime_error);
    CHECK(caught_by == "outer");
    CHECK(outer.dead());
    CHECK(resumer.active());
    inner.reset();
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S13: greenlet_exit is returned as a value") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] { throw greenlet_exit{}; }, {.where = where}};
    CHECK(g.switch_to().holds<greenlet_exit>());
    CHECK(g.dead());
    const greenlet waits{[] { test::to_parent(); }, {.where = where}};
    waits.switch_to();
    CHECK(waits.throw_in().holds<greenlet_exit>());
    CHECK(waits.dead());
  }
}

namespace {

constexpr int chain_length = 100'000;
/// What a few frames of a run function and of the library may span, not a hundred thousand.
constexpr std::uintptr_t few_frames = 16 * 1024;

/// Notes how far apart the frames are from which it is asked, by stack region of 1 MiB or less.
class span {
 public:
  void note() noexcept {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    low_ = std::min(low_, here);
    high_ = std::max(high_, here);
  }
  std::uintptr_t bytes() const noexcept { return high_ - low_; }

 private:
  std::uintptr_t low_ = UINTPTR_MAX;
  std::uintptr_t high_ = 0;
};

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "S14: a hundred thousand finish into unstarted parents") {
  // On a lane and on nested stacks the frames must stay where the first one's were.
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    span frames;
    int run = 0;
    greenlet last = greenlet::main();
    for (int i = 0; i < chain_length; ++i) {
      last = greenlet{[&](int got) {
                        ++run;
                        if (where == offshoot::placement::nested) frames.note();
                        return got + 1;
                      },
                      {.parent = last, .where = where}};
    }
    CHECK(last.switch_to(0).get<int>() == chain_length);
    CHECK(run == chain_length);
    if (where == offshoot::placement::nested) CHECK(frames.bytes() < few_frames);
    CHECK(last.dead());
  }  // and here a hundred thousand parents are released, each by the one before
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S14: a hundred thousand finish one into the next, suspended") {
  struct link {
    static void go(int remaining, offshoot::placement where) {
      if (remaining == 0) return;
      const greenlet next{[remaining, where] { go(remaining - 1, where); }, {.where = where}};
      next.switch_to();
    }
  };
  // Each is suspended while the next runs; then all finish in one chain. Dedicated ones are left
  // out: a hundred thousand stacks are stack_pool's subject. Nested ones are under each other by
  // definition: here in a depth that a thread's own stack holds.
  link::go(chain_length, offshoot::placement::lane);
  link::go(1'000, offshoot::placement::nested);
  link::go(1'000, offshoot::placement::dedicated);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S14: a hundred thousand ancestors refuse to start, one after the other") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet last = greenlet::main();
    for (int i = 0; i < chain_length; ++i) {
      last = greenlet{[](const std::string&) { FAIL("must not run"); },
                      {.parent = last, .where = where}};
    }
    const greenlet first{[] { return 1; }, {.parent = last, .where = where}};
    // The first refusal leaves its ancestor unstarted, and is an exception that finishes all
    // others.
    CHECK_THROWS_AS(first.switch_to(), offshoot::bad_value);
    CHECK_FALSE(last.started());
    CHECK(last.parent().dead());
  }
}
