/// What switches carry.
#include <offshoot/greenlet.hpp>

#include <array>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::bad_value;
using offshoot::greenlet;
using offshoot::value;
using test::counted;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S3: the first switch gives its arguments to the run function") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet none{[] { return 7; }, {.where = where}};
    CHECK(none.switch_to().get<int>() == 7);

    const greenlet one{[](const std::string& text) { return text + "!"; }, {.where = where}};
    CHECK(one.switch_to(std::string("one")).get<std::string>() == "one!");

    const greenlet several{[](int number, std::string text, std::unique_ptr<int> owned) {
                             return std::to_string(number) + text + std::to_string(*owned);
                           },
                           {.where = where}};
    CHECK(several.switch_to(1, std::string("-"), std::make_unique<int>(2)).get<std::string>() ==
          "1-2");

    const greenlet any{[](value got) { return got.get<int>() + got.holds<int>(); },
                       {.where = where}};
    CHECK(any.switch_to(41).get<int>() == 42);
    const greenlet nothing{[](value got) { return got.has_value(); }, {.where = where}};
    CHECK(nothing.switch_to().get<bool>() == false);

    const greenlet rvalue{[](std::unique_ptr<int>&& owned) { return std::move(owned); },
                          {.where = where}};
    CHECK(*rvalue.switch_to(std::make_unique<int>(3)).get<std::unique_ptr<int>>() == 3);

    const greenlet generic{[](auto got) { return got.template get<int>(); }, {.where = where}};
    CHECK(generic.switch_to(5).get<int>() == 5);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S3: a mismatch throws in the caller and nothing has started") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    const greenlet one{[](int number) { return number; }, {.where = where}};
    CHECK_THROWS_AS(one.switch_to(), bad_value);
    CHECK_THROWS_AS(one.switch_to(1.0), bad_value);
    CHECK_THROWS_AS(one.switch_to(1, 2), bad_value);
    CHECK_THROWS_AS(one.switch_to(counted(1)), bad_value);
    CHECK(counted::alive == 0);
    CHECK_FALSE(one.started());
    CHECK(one.switch_to(9).get<int>() == 9);

    const greenlet none{[] {}, {.where = where}};
    CHECK_THROWS_AS(none.switch_to(1), bad_value);
    CHECK_FALSE(none.started());
    const greenlet two{[](int, long) {}, {.where = where}};
    CHECK_THROWS_AS(two.switch_to(1, 2), bad_value);
    CHECK_FALSE(two.started());
    CHECK_FALSE(two.switch_to(1, 2L).has_value());
  }
}

TEST_CASE("S3: the message of a mismatch names both types") {
  const greenlet one{[](std::string) {}};
  std::string message;
  try {
    one.switch_to(1.5);
  } catch (const bad_value& error) {
    message = error.what();
  }
  CHECK(message.find("string") != std::string::npos);
  CHECK(message.find("double") != std::string::npos);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S4: none is empty, one is itself, several are a tuple") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       CHECK_FALSE(test::to_parent().has_value());
                       CHECK(test::to_parent().get<int>() == 1);
                       const auto two = test::to_parent().get<std::tuple<int, std::string>>();
                       CHECK(two == std::tuple(2, std::string("b")));
                       CHECK(*test::to_parent().get<std::unique_ptr<int>>() == 3);
                       std::array<int, 64> large = test::to_parent().get<std::array<int, 64>>();
                       CHECK(large[63] == 63);
                       test::to_parent(std::make_unique<int>(4));
                       test::to_parent(std::make_unique<int>(5), 6);
                     },
                     {.where = where}};
    CHECK_FALSE(g.switch_to().has_value());
    CHECK_FALSE(g.switch_to().has_value());
    CHECK_FALSE(g.switch_to(1).has_value());
    g.switch_to(2, std::string("b"));
    g.switch_to(std::make_unique<int>(3));
    std::array<int, 64> large{};
    large[63] = 63;
    CHECK(*g.switch_to(large).get<std::unique_ptr<int>>() == 4);
    auto [owned, number] = g.switch_to().get<std::tuple<std::unique_ptr<int>, int>>();
    CHECK(*owned == 5);
    CHECK(number == 6);
    CHECK_FALSE(g.switch_to().has_value());
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S4: nothing is copied that could be moved") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    {
      const greenlet g{
          [](counted first) {
            counted next = test::to_parent(std::move(first)).get<counted>();
            auto pair = test::to_parent(std::move(next), 1).get<std::tuple<counted, counted>>();
            return std::get<1>(std::move(pair));
          },
          {.where = where}};
      CHECK(g.switch_to(counted(1)).get<counted>().content == 1);
      CHECK(std::get<0>(g.switch_to(counted(2)).get<std::tuple<counted, int>>()).content == 2);
      CHECK(g.switch_to(counted(3), counted(4)).get<counted>().content == 4);
    }
    CHECK(counted::copies == 0);
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S5: a payload is at one address all along, outside every stack") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    const greenlet g{[](const counted& in_its_box) {
                       // Moved once, into its box, and not again by two switches.
                       CHECK(counted::moves == 1);
                       test::to_parent();
                       CHECK(in_its_box.content == 5);
                     },
                     {.where = where}};
    counted here(5);
    g.switch_to(std::move(here));
    here.content = 0;
    g.switch_to();
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S5: a payload is destroyed exactly once, taken or not") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    {
      const greenlet ignores{[](value) {
                               test::to_parent(counted(1));
                               test::to_parent(std::make_shared<counted>(2));
                               return counted(3);
                             },
                             {.where = where}};
      ignores.switch_to(counted(0));
      CHECK(counted::alive == 2);  // its argument, and the shell of what it passes
      ignores.switch_to(counted(4), counted(5));
      ignores.switch_to(std::make_unique<counted>(6));
      CHECK(ignores.dead());
      CHECK(counted::alive == 0);
      CHECK(ignores.switch_to(counted(7)).get<counted>().content == 7);
      CHECK(counted::alive == 0);
    }
    {
      greenlet dropped{[](const counted&) { test::to_parent(); }, {.where = where}};
      dropped.switch_to(counted(1));
      CHECK(counted::alive == 1);
    }
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S5: a payload is destroyed also when the switch fails") {
  counted::reset();
  CHECK_THROWS(greenlet{}.switch_to(counted(1)));
  CHECK(counted::alive == 0);
  CHECK_THROWS(greenlet{}.switch_to(counted(1), std::make_unique<counted>(2)));
  CHECK(counted::alive == 0);
  const greenlet takes_none{[] {}};
  CHECK_THROWS(takes_none.switch_to(std::make_shared<counted>(1)));
  CHECK(counted::alive == 0);
}
