/// `value` by itself.
#include <offshoot/value.hpp>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "support/counted.hpp"

using offshoot::bad_value;
using offshoot::value;
using test::counted;

static_assert(!std::is_copy_constructible_v<value>);
static_assert(!std::is_copy_assignable_v<value>);
static_assert(std::is_nothrow_move_constructible_v<value>);
static_assert(std::is_nothrow_move_assignable_v<value>);
static_assert(sizeof(value) == 24 + sizeof(void*));

TEST_CASE("S4: an empty value holds nothing") {
  value nothing;
  CHECK_FALSE(nothing.has_value());
  CHECK_FALSE(nothing.holds<int>());
  CHECK(nothing.type() == typeid(void));
  CHECK(nothing.get_if<int>() == nullptr);
  CHECK_THROWS_AS(nothing.get<int>(), bad_value);
  nothing.reset();
  CHECK_FALSE(nothing.has_value());
}

TEST_CASE("S4: exactly the type that was put in comes out") {
  value number(5);
  CHECK(number.has_value());
  CHECK(number.holds<int>());
  CHECK_FALSE(number.holds<long>());
  CHECK_FALSE(number.holds<unsigned>());
  CHECK(number.type() == typeid(int));
  CHECK(number.get<int>() == 5);
  number.get<int>() = 6;
  CHECK(std::as_const(number).get<int>() == 6);
  CHECK(*number.get_if<int>() == 6);
  CHECK(number.get_if<long>() == nullptr);
  CHECK_THROWS_AS(number.get<long>(), bad_value);

  value text("a literal decays");
  CHECK(text.holds<const char*>());
  const std::string kept = "copied";
  value copy(kept);
  CHECK(copy.holds<std::string>());
  CHECK(std::move(copy).get<std::string>() == "copied");
  struct alignas(64) aligned {
    int content = 1;
  };
  value wide(aligned{});
  CHECK(reinterpret_cast<std::uintptr_t>(wide.get_if<aligned>()) % 64 == 0);
  value large(std::array<char, 1000>{'x'});
  CHECK(large.get<std::array<char, 1000>>()[0] == 'x');
}

TEST_CASE("S4: a message of a mismatch names what was expected and what was passed") {
  const auto message = [](auto&& attempt) {
    try {
      attempt();
    } catch (const bad_value& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  value number(5);
  const auto mixed = message([&] { number.get<double>(); });
  CHECK(mixed.find("double") < mixed.find("int"));
  CHECK(mixed.find("int") != std::string::npos);
  value nothing;
  CHECK(message([&] { nothing.get<int>(); }).find("nothing") != std::string::npos);
}

TEST_CASE("S4: a move takes everything and leaves an empty value, boxed or not") {
  counted::reset();
  {
    value boxed(counted(3));
    const counted* address = boxed.get_if<counted>();
    CHECK(counted::alive == 1);
    value second(std::move(boxed));
    CHECK_FALSE(boxed.has_value());
    CHECK(second.get_if<counted>() == address);  // moving a value does not move what it holds
    value third;
    third = std::move(second);
    CHECK_FALSE(second.has_value());
    CHECK(third.get_if<counted>() == address);
    CHECK(counted::moves == 1);
    CHECK(counted::copies == 0);

    auto pointer = std::make_shared<counted>(1);
    const std::weak_ptr<counted> watch = pointer;
    value inside(std::move(pointer));
    value moved(std::move(inside));
    CHECK(watch.use_count() == 1);
    value& self = moved;
    moved = std::move(self);
    CHECK(watch.use_count() == 1);
    CHECK(moved.has_value());
    moved = value(1);
    CHECK(watch.expired());
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("S5: what it holds is destroyed exactly once") {
  counted::reset();
  {
    value one(counted(1));
    one.reset();
    CHECK(counted::alive == 0);
    one = value(counted(2));
    one = value(std::make_unique<counted>(3));
    CHECK(counted::alive == 1);
    const counted taken = *std::move(one).get<std::unique_ptr<counted>>();
    CHECK(taken.content == 3);
  }
  CHECK(counted::alive == 0);
}

TEST_CASE("S5: a constructor that throws leaves nothing behind") {
  struct throws {
    throws() = default;
    throws(const throws&) { throw std::runtime_error("no copy"); }
    counted member{1};
  };
  counted::reset();
  {
    const throws original;
    CHECK_THROWS_AS(value{original}, std::runtime_error);
    CHECK(counted::alive == 1);
  }
  CHECK(counted::alive == 0);
}
