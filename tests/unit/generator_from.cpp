/// `yielder::from`: a generator that hands on what others yield, and what becomes of them when it
/// or somebody else interferes.
#include <offshoot/generator.hpp>
#include <offshoot/trace.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/dirt.hpp"
#include "support/fixture.hpp"
#include "support/generators.hpp"

using offshoot::generator;
using offshoot::greenlet;
using offshoot::placement;
using test::all;
using test::countdown;

TEST_CASE_FIXTURE(test::nothing_leaks, "generator from: another's elements take their place") {
  for (const auto where : test::placements) {
    for (const auto inner : test::placements) {
      CAPTURE(test::name_of(where));
      CAPTURE(test::name_of(inner));
      generator<int> outer{[inner](auto& yield) {
                             yield(9);
                             yield.from(countdown(2, inner));
                             yield.from(countdown(0, inner));
                             generator<int> begun = countdown(3, inner);
                             ++begun.begin();
                             yield.from(begun);
                             yield.from(std::vector{7, 8});
                           },
                           {.where = where}};
      CHECK(all(outer) == std::vector{9, 2, 1, 2, 1, 7, 8});
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator from: an inner exception can be caught in between") {
  generator<int> outer{[](auto& yield) {
    try {
      yield.from(generator<int>{[](auto& inner) {
        inner(1);
        throw std::runtime_error("inner");
      }});
    } catch (const std::runtime_error&) {
      yield(2);
    }
    yield(3);
  }};
  CHECK(all(outer) == std::vector{1, 2, 3});
}

namespace {

/// Yields on each level on the way down, and once more on the way up.
generator<int> nest(int depth, placement where, int& alive) {
  return generator<int>{[depth, where, &alive](auto& yield) {
                          ++alive;
                          struct leave {
                            int& alive;
                            ~leave() { --alive; }
                          } const on_exit{alive};
                          yield(depth);
                          if (depth > 0) yield.from(nest(depth - 1, where, alive));
                          yield(-depth);
                        },
                        {.where = where}};
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator from: ten thousand levels, two switches an element") {
  // A nested greenlet lies on its starter's stack, so the depth is what that can hold.
  for (const auto where : test::placements) {
    const int depth = where == placement::lane ? 10000 : 1000;
    CAPTURE(test::name_of(where));
    int alive = 0;
    generator<int> deep = nest(depth, where, alive);
    std::vector<int> expected;
    for (int n = depth; n >= -depth; --n) {
      expected.push_back(n);
      if (n == 0) expected.push_back(n);  // down and up
    }
    std::vector<int> found;
    int switches = 0;
    auto at = deep.begin();
    for (; at != deep.end(); ++at) {
      found.push_back(*at);
      if (found.size() != static_cast<std::size_t>(depth) + 1) continue;
      CHECK(alive == depth + 1);  // the innermost stands at its first element
      offshoot::set_trace([&switches](auto, const greenlet&, const greenlet&) { ++switches; });
      ++at;
      offshoot::set_trace({});
      CHECK(switches == 2);
      found.push_back(*at);
    }
    CHECK(found == expected);
    CHECK(alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator from: one whose elements are taken may outlive who took them") {
  for (const auto where : test::placements) {
    for (const int levels : {1, 2, 3}) {
      CAPTURE(test::name_of(where));
      CAPTURE(levels);
      int alive = 0;
      std::vector<std::string> in_its_place;
      {
        generator<int> inner = nest(3, where, alive);
        {
          generator<int> outer{[&inner](auto& yield) { yield.from(inner); }};
          auto at = outer.begin();
          while (alive != levels) ++at;
        }
        test::occupy_freed(in_its_place);
        CHECK(alive == levels);
        CHECK_THROWS_AS(inner.begin(), offshoot::greenlet_error);  // at work, for nobody
      }
      CHECK(alive == 0);
      CHECK(test::are_as_written(in_its_place));
    }
  }
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "generator from: who is interrupted goes on, who is left behind yields to nobody") {
  struct interruption {};
  greenlet outermost;
  greenlet innermost;
  int refused = 0;
  const auto yield_late = [&refused](auto& yield) {
    try {
      yield(2);
    } catch (const offshoot::greenlet_error&) {
      ++refused;
    }
  };
  {
    generator<int> third{[&](auto& yield) {
      innermost = greenlet::current();
      yield(1);
      greenlet::main().switch_to();
      yield_late(yield);
      greenlet::main().switch_to();
      yield_late(yield);
    }};
    generator<int> second{[&third](auto& yield) { yield.from(third); }};
    generator<int> first{[&](auto& yield) {
      outermost = greenlet::current();
      try {
        yield.from(second);
      } catch (const interruption&) {
        yield(100);
      }
      yield(101);
    }};
    auto at = first.begin();
    CHECK(*at == 1);
    const greenlet consumer{[&at] { ++at; }};
    consumer.switch_to();  // the third goes to main meanwhile
    outermost.throw_in(interruption{});
    CHECK(consumer.dead());
    CHECK(*at == 100);
    innermost.switch_to();
    CHECK(refused == 1);
    CHECK(*at == 100);
    ++at;
    CHECK(*at == 101);
    ++at;
    CHECK(at == first.end());
    innermost.switch_to();
    CHECK(refused == 2);
    innermost.reset();
    outermost.reset();
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator from: a body that is interrupted while it is not asked cannot yield") {
  struct interruption {};
  greenlet body;
  generator<int> inner = countdown(3, placement::lane);
  generator<int> outer{[&](auto& yield) {
    body = greenlet::current();
    try {
      yield.from(inner);
    } catch (const interruption&) {
      body.reset();
      CHECK_THROWS_AS(yield(100), offshoot::greenlet_error);
    }
  }};
  auto at = outer.begin();
  greenlet(body).throw_in(interruption{});
  CHECK(*at == 3);
  CHECK(at == outer.end());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S29 generator from: one that could not be started is as it was") {
  generator<int> greedy{[](auto& yield) { yield(1); },
                        {.where = placement::dedicated, .stack_size = test::too_large}};
  generator<int> outer{[&greedy](auto& yield) {
    CHECK_THROWS_AS(yield.from(greedy), offshoot::not_startable);
    CHECK_THROWS_AS(yield.from(greedy), offshoot::not_startable);
    yield(2);
  }};
  CHECK(all(outer) == std::vector{2});
  CHECK_THROWS_AS(greedy.begin(), offshoot::not_startable);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20 generator from: destruction unwinds every level") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int alive = 0;
    {
      generator<int> deep = nest(100, where, alive);
      auto at = deep.begin();
      while (*at != 0) ++at;
      CHECK(alive == 101);
    }
    CHECK(alive == 0);
  }
}
