/// `generator<T>` on all placements. What is odd: the views of libstdc++ 12 do not compile with
/// clang 14, so the test with views is left to g++ and later clangs.
#include <offshoot/generator.hpp>
#include <offshoot/trace.hpp>

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/dirt.hpp"
#include "support/fixture.hpp"

using offshoot::generator;
using offshoot::greenlet;
using offshoot::placement;

static_assert(std::input_iterator<generator<int>::iterator>);
static_assert(std::ranges::input_range<generator<int>>);
static_assert(std::ranges::input_range<generator<std::unique_ptr<int>>>);
static_assert(std::ranges::input_range<generator<const std::string&>>);
static_assert(!std::copyable<generator<int>> && std::movable<generator<int>>);

namespace {

struct mark_end {
  bool& ended;
  ~mark_end() { ended = true; }
};

generator<int> countdown(int from, placement where) {
  return generator<int>{[from](auto& yield) {
                          for (int n = from; n > 0; --n) yield(n);
                        },
                        {.where = where}};
}

template <class R>
std::vector<int> all(R&& range) {
  std::vector<int> found;
  for (int element : range) found.push_back(element);
  return found;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: yields in order, from any depth of calls") {
  struct tree {
    static void walk(int low, int high, generator<int>::yielder& yield) {
      if (low == high) return;
      const int middle = (low + high) / 2;
      walk(low, middle, yield);
      yield(middle);
      walk(middle + 1, high, yield);
    }
  };
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    generator<int> numbers{[](generator<int>::yielder& yield) { tree::walk(0, 7, yield); },
                           {.where = where, .name = "numbers"}};
    CHECK(all(numbers) == std::vector{0, 1, 2, 3, 4, 5, 6});
    CHECK(numbers.begin() == numbers.end());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator: the body starts when the first element is asked") {
  bool started = false;
  generator<int> one{[&started](auto& yield) {
    started = true;
    yield(1);
  }};
  CHECK(!started);
  auto at = one.begin();
  CHECK(started);
  CHECK(*at == 1);
  CHECK(*one.begin() == 1);  // where the sequence stands
  ++at;
  CHECK(at == one.end());
  CHECK_THROWS_AS(++at, offshoot::greenlet_error);
}

#if !defined(__clang__) || __clang_major__ >= 16
TEST_CASE_FIXTURE(test::nothing_leaks, "generator: goes through views, as lvalue and rvalue") {
  generator<int> numbers{[](auto& yield) {
    for (int n = 1;; ++n) yield(n);
  }};
  CHECK(all(numbers | std::views::transform([](int n) { return n * n; }) | std::views::take(3)) ==
        std::vector{1, 4, 9});
  CHECK(all(std::move(numbers) | std::views::take(2)) == std::vector{4, 5});  // take has moved on
}
#endif

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: elements may be move-only") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    generator<std::unique_ptr<int>> boxes{[](auto& yield) {
                                            yield(std::make_unique<int>(1));
                                            yield(std::make_unique<int>(2));
                                          },
                                          {.where = where}};
    auto at = boxes.begin();
    const std::unique_ptr<int> kept = std::move(*at);
    ++at;
    CHECK(*kept == 1);
    CHECK(**at == 2);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: an element lives until the next is asked for") {
  const auto watched = std::make_shared<int>(7);
  generator<std::shared_ptr<int>> holders{[watched](auto& yield) {
    yield(watched);
    yield(nullptr);
  }};
  CHECK(watched.use_count() == 2);
  auto at = holders.begin();
  CHECK(watched.use_count() == 3);
  ++at;
  CHECK(watched.use_count() == 2);
  ++at;
  CHECK(watched.use_count() == 1);  // the captures went when the body finished
}

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: references are to what was yielded") {
  std::vector<std::string> words{"one", "two"};
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    generator<std::string&> each{[&words](auto& yield) {
                                   for (std::string& word : words) yield(word);
                                 },
                                 {.where = where}};
    std::size_t at = 0;
    for (std::string& word : each) CHECK(&word == &words[at++]);
    CHECK(at == 2);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator: a reference to a local is refused on a stack that is copied") {
  const auto lend_local = [](auto& yield) {
    const std::string local = "mine";
    yield(local);
  };
  for (const auto where : {placement::lane, placement::nested}) {
    CAPTURE(test::name_of(where));
    generator<const std::string&> lender{lend_local, {.where = where}};
    CHECK_THROWS_AS(lender.begin(), offshoot::dangling_capture);
    CHECK(lender.begin() == lender.end());
  }
  generator<const std::string&> safe{lend_local, {.where = placement::dedicated}};
  CHECK(*safe.begin() == "mine");
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S13 generator: what leaves the body is thrown once") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    generator<int> failing{[](auto& yield) {
                             yield(1);
                             throw std::out_of_range("no more");
                           },
                           {.where = where}};
    auto at = failing.begin();
    CHECK_THROWS_WITH_AS(++at, "no more", std::out_of_range);
    CHECK(at == failing.end());
    CHECK(failing.begin() == failing.end());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S13 generator: greenlet_exit is an ordinary end") {
  generator<int> leaving{[](auto& yield) {
    yield(1);
    throw offshoot::greenlet_exit{};
  }};
  CHECK(all(leaving) == std::vector{1});
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20 generator: early destruction unwinds the body") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    bool ended = false;
    {
      generator<int> numbers{[&ended](auto& yield) {
                               const mark_end mark{ended};
                               for (int n = 0;; ++n) yield(n);
                             },
                             {.where = where}};
      CHECK(*numbers.begin() == 0);
      CHECK(!ended);
    }
    CHECK(ended);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21 generator: a body that swallows the exit gets it again") {
  int swallowed = 0;
  {
    generator<int> stubborn{[&swallowed](auto& yield) {
      while (swallowed < 3) {
        try {
          yield(1);
        } catch (const offshoot::greenlet_exit&) {
          ++swallowed;
        }
      }
    }};
    CHECK(*stubborn.begin() == 1);
  }
  CHECK(swallowed == 3);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S19 generator: one that was never asked runs nothing") {
  const auto held = std::make_shared<int>(1);
  {
    const generator<int> idle{[held](auto& /*yield*/) { FAIL("ran"); }};
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: moving the handle leaves iterators valid") {
  generator<int> numbers = countdown(3, placement::lane);
  auto at = numbers.begin();
  generator<int> moved = std::move(numbers);
  ++at;
  CHECK(*at == 2);
  CHECK_THROWS_AS(numbers.begin(), offshoot::greenlet_error);  // NOLINT: moved from on purpose
  moved = countdown(1, placement::lane);
  CHECK(all(moved) == std::vector{1});
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator: each element goes to the greenlet that asks for it") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    generator<int> numbers = countdown(4, where);
    CHECK(*numbers.begin() == 4);
    const auto take_one = [&numbers] { return *++numbers.begin(); };
    {
      const greenlet first{take_one, {.where = where}};
      CHECK(first.switch_to().get<int>() == 3);
      CHECK(first.dead());
    }  // who asked last is gone altogether
    const greenlet second{take_one, {.where = where}};
    CHECK(second.switch_to().get<int>() == 2);
    CHECK(take_one() == 1);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: the body's parent is whoever waits for it") {
  greenlet parent;
  generator<int> asks{[&parent](auto& yield) {
    parent = greenlet::current().parent();
    yield(1);
  }};
  const greenlet consumer{[&asks] { asks.begin(); }};
  consumer.switch_to();
  CHECK(parent == consumer);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator: a greenlet that waits for its own generator can be dropped") {
  bool ended = false;
  {
    const greenlet owner{[&ended] {
      generator<int> mine{[&ended](auto& yield) {
        const mark_end mark{ended};
        yield(1);
      }};
      mine.begin();
      test::to_parent();
    }};
    owner.switch_to();
    CHECK(!ended);
  }
  CHECK(ended);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S20 generator: who waits for an element can be dropped, and the body with it") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int ended = 0;
    struct count {
      int& ended;
      ~count() { ++ended; }
    };
    {
      const greenlet consumer{[&ended, where] {
                                const count mark{ended};
                                generator<int> slow{[&ended](auto& yield) {
                                                      const count inner{ended};
                                                      greenlet::main().switch_to();
                                                      yield(1);
                                                    },
                                                    {.where = where}};
                                slow.begin();
                                FAIL("no element was made");
                              },
                              {.where = where}};
      consumer.switch_to();
      CHECK(ended == 0);
    }
    CHECK(ended == 2);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S23 generator: its thread's end unwinds the body") {
  bool ended = false;
  std::optional<generator<int>> numbers;
  std::thread([&] {
    numbers.emplace([&ended](auto& yield) {
      const mark_end mark{ended};
      yield(1);
    });
    CHECK(*numbers->begin() == 1);
  }).join();
  CHECK(ended);
  CHECK_THROWS_AS(++numbers->begin(), offshoot::greenlet_error);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S9 S23 generator: a handle to a finished body outlives its thread") {
  for (const bool early : {false, true}) {
    CAPTURE(early);
    const std::size_t before = offshoot::detail::control_blocks_alive();
    greenlet body;
    std::thread([&] {
      generator<int> numbers{[&body](auto& yield) {
        yield(1);
        body = greenlet::current();
        yield(2);
      }};
      auto at = numbers.begin();
      ++at;
      if (!early) ++at;
      // From here on the body is finished, or finished by the end of its thread.
    }).join();
    CHECK(body.dead());
    CHECK(offshoot::detail::control_blocks_alive() == before + 2);  // with its parent, a main one
    CHECK_THROWS_AS(body.switch_to(), offshoot::wrong_thread);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "generator: misuse is refused and changes nothing") {
  generator<int> numbers = countdown(3, placement::lane);
  generator<int>* self = nullptr;
  generator<int> recursive{[&self](auto& yield) {
    CHECK_THROWS_AS(self->begin(), offshoot::greenlet_error);
    CHECK_THROWS_AS(yield.from(*self), offshoot::greenlet_error);
    const greenlet stranger{[&yield] { yield(1); }};
    CHECK_THROWS_AS(stranger.switch_to(), offshoot::greenlet_error);
    yield(2);
  }};
  self = &recursive;
  CHECK(all(recursive) == std::vector{2});
  CHECK_THROWS_AS(generator<int>{std::function<void(generator<int>::yielder&)>{}},
                  offshoot::not_startable);
  CHECK(all(numbers) == std::vector{3, 2, 1});
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "generator: who switches to the body from outside gets no element") {
  greenlet body;
  generator<int> numbers{[&body](auto& yield) {
    body = greenlet::current();
    CHECK_THROWS_AS(yield(1), offshoot::greenlet_error);
    CHECK_THROWS_AS(yield(2), offshoot::greenlet_error);
  }};
  auto at = numbers.begin();
  body.switch_to();
  CHECK(*at == 1);  // untouched
  CHECK(body.dead());
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S24 generator: another thread cannot take its elements") {
  generator<int> numbers = countdown(2, placement::lane);
  CHECK(*numbers.begin() == 2);
  std::thread([&numbers] { CHECK_THROWS_AS(numbers.begin(), offshoot::wrong_thread); }).join();
  CHECK(*++numbers.begin() == 1);
}

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

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S17 generator: a body and the consumer that it has made are each other's parent") {
  greenlet consumer;
  generator<int>::iterator at;
  generator<int> circular{[&](auto& yield) {
                            consumer = greenlet{[&at] {
                              ++at;
                              greenlet::main().switch_to();
                            }};
                            yield(1);
                            CHECK(greenlet::current().parent() == consumer);
                            CHECK(consumer.parent() == greenlet::current());
                            greenlet other{[] {}};
                            other.set_parent(consumer);
                            CHECK(other.parent() == consumer);
                            other.reset();
                            CHECK_THROWS_AS(consumer.set_parent(greenlet::current()),
                                            offshoot::parent_cycle);
                            constexpr int no_file = -1;
                            offshoot::write_backtraces(no_file);
                            yield(2);
                          },
                          {.where = placement::dedicated}};
  at = circular.begin();
  consumer.switch_to();
  CHECK(*at == 2);
  consumer.reset();
}
