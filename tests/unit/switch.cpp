#include <offshoot/greenlet.hpp>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;

TEST_CASE_FIXTURE(test::nothing_leaks, "S4 S7 S13: arguments go in, results come back") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet twice{
        [](int first) { return greenlet::current().parent().switch_to(first + 1).get<int>() * 2; },
        {.where = where}};
    CHECK(twice.switch_to(1).get<int>() == 2);
    CHECK(twice.switch_to(5).get<int>() == 10);
    CHECK(twice.dead());
  }
}
