/// Whose the floating-point environment is: the thread's, unless a greenlet asks for its own.
#include <offshoot/greenlet.hpp>

#include <cfenv>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;

namespace {

/// Puts the thread's rounding mode back at the end of a test.
class rounding_kept {
 public:
  ~rounding_kept() { std::fesetround(before_); }

 private:
  int before_ = std::fegetround();
};

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: the floating-point environment belongs to the thread") {
  const rounding_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::fesetround(FE_UPWARD);
    const greenlet g{[] {
                       CHECK(std::fegetround() == FE_UPWARD);
                       std::fesetround(FE_DOWNWARD);
                       test::to_parent();
                       CHECK(std::fegetround() == FE_TOWARDZERO);
                     },
                     {.where = where}};
    g.switch_to();
    CHECK(std::fegetround() == FE_DOWNWARD);
    std::fesetround(FE_TOWARDZERO);
    g.switch_to();
    CHECK(std::fegetround() == FE_TOWARDZERO);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: one that asked has an environment of its own at each switch") {
  const rounding_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const auto body = [](int mine) {
      return [mine] {
        CHECK(std::fegetround() == FE_UPWARD);  // its first starter's
        std::fesetround(mine);
        for (int i = 0; i < 3; ++i) {
          test::to_parent();
          CHECK(std::fegetround() == mine);
        }
      };
    };
    std::fesetround(FE_UPWARD);
    const greenlet down{body(FE_DOWNWARD), {.where = where, .own_fp_environment = true}};
    const greenlet zero{body(FE_TOWARDZERO), {.where = where, .own_fp_environment = true}};
    const greenlet threads{[] {
                             for (int i = 0; i < 3; ++i) {
                               CHECK(std::fegetround() == FE_UPWARD);
                               test::to_parent();
                             }
                           },
                           {.where = where}};
    for (int i = 0; i < 4; ++i) {
      down.switch_to();
      CHECK(std::fegetround() == FE_UPWARD);
      threads.switch_to();
      zero.switch_to();
      CHECK(std::fegetround() == FE_UPWARD);
    }
    CHECK(down.dead());
    CHECK(zero.dead());
    CHECK(threads.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: from one with its own straight to another, and to one without") {
  const rounding_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::fesetround(FE_TONEAREST);
    greenlet second;
    greenlet plain;
    const greenlet first{[&] {
                           std::fesetround(FE_DOWNWARD);
                           second.switch_to();
                           CHECK(std::fegetround() == FE_DOWNWARD);
                           plain.switch_to();
                           CHECK(std::fegetround() == FE_DOWNWARD);
                         },
                         {.where = where, .own_fp_environment = true}};
    second = greenlet{[&] {
                        CHECK(std::fegetround() == FE_DOWNWARD);  // its starter's
                        std::fesetround(FE_UPWARD);
                        first.switch_to();
                        CHECK(std::fegetround() == FE_UPWARD);
                      },
                      {.where = where, .own_fp_environment = true}};
    plain = greenlet{[&] {
                       CHECK(std::fegetround() == FE_TONEAREST);  // the thread's, not its starter's
                       std::fesetround(FE_TOWARDZERO);
                       first.switch_to();
                     },
                     {.where = where}};
    first.switch_to();
    CHECK(std::fegetround() == FE_TOWARDZERO);
    CHECK(first.dead());
    second.switch_to();
    CHECK(second.dead());
    CHECK(std::fegetround() == FE_TOWARDZERO);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: kept through throws, kills and the fast path's neighbours") {
  const rounding_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::fesetround(FE_TONEAREST);
    int at_exit = -1;
    greenlet own{[&] {
                   struct note {
                     int& mode;
                     ~note() { mode = std::fegetround(); }
                   } at_end_of_own{at_exit};
                   std::fesetround(FE_UPWARD);
                   try {
                     test::to_parent();
                   } catch (int) {
                     CHECK(std::fegetround() == FE_UPWARD);
                   }
                   test::to_parent();
                 },
                 {.where = where, .own_fp_environment = true}};
    const greenlet plain{[] {
                           for (;;) test::to_parent(std::fegetround());
                         },
                         {.where = where}};
    own.switch_to();
    CHECK(std::fegetround() == FE_TONEAREST);
    own.throw_in(1);
    CHECK(std::fegetround() == FE_TONEAREST);
    for (int i = 0; i < 3; ++i) CHECK(plain.switch_to().get<int>() == FE_TONEAREST);
    own.reset();
    CHECK(at_exit == FE_UPWARD);
    CHECK(std::fegetround() == FE_TONEAREST);
  }
}
