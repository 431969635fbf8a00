/// `generator<T>` on all placements. What is odd: the views of libstdc++ 12 do not compile with
/// clang 14, so the test with views is left to g++ and later clangs.
#include <offshoot/generator.hpp>
#include <offshoot/trace.hpp>

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"
#include "support/generators.hpp"

using offshoot::generator;
using offshoot::greenlet;
using offshoot::placement;
using test::all;
using test::countdown;

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
