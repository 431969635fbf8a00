/// What a greenlet passes to others is looked at before it goes: payloads, results, what generators
/// and coroutines hand over.
#include <offshoot/coroutine.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/dirt.hpp"
#include "support/fixture.hpp"

using offshoot::dangling_capture;
using offshoot::greenlet;
using offshoot::placement;
using offshoot::value;
using offshoot::detail::can_hold_address;
using test::counted;

namespace {

constexpr std::array copied{placement::lane, placement::nested};

struct holder {
  int number;
};
struct numbers {
  char first;  // padding behind
  double second;
  std::array<std::uint32_t, 2> rest;
};
struct with_span {
  std::span<int> elements;
};
struct with_view {
  int id;
  std::string_view text;
};
struct with_reference {
  int& number;
};
struct with_pointer_and_flag {
  int* number;
  bool flag;
};
enum class colour { red };

// Nothing of the look is compiled for what cannot hold an address.
static_assert(!can_hold_address<int> && !can_hold_address<double> && !can_hold_address<bool>);
static_assert(!can_hold_address<std::uintptr_t> && !can_hold_address<colour>);
static_assert(!can_hold_address<numbers> && !can_hold_address<std::array<char, 64>>);
static_assert(!can_hold_address<std::pair<int, double>> && !can_hold_address<std::tuple<>>);
static_assert(!can_hold_address<std::optional<long>>);
static_assert(!can_hold_address<std::variant<long, double, std::string>>);
static_assert(!can_hold_address<std::string> && !can_hold_address<void (*)()>);
static_assert(!can_hold_address<int holder::*> && !can_hold_address<void (std::string::*)()>);
constexpr auto captures_numbers = [number = 1, fraction = 0.5] { return number * fraction; };
static_assert(!can_hold_address<std::remove_const_t<decltype(captures_numbers)>>);
static_assert(can_hold_address<int*> && can_hold_address<const void*> && can_hold_address<int&>);
static_assert(can_hold_address<with_span> && can_hold_address<with_reference>);
static_assert(can_hold_address<std::tuple<int, int*>> && can_hold_address<value>);
static_assert(can_hold_address<std::optional<std::string_view>>);

/// Runs `giver` in a new greenlet that has one beside it which waits for payloads and counts them.
template <class F>
void give(placement where, F giver) {
  int received = 0;
  const greenlet g{[&giver, &received] {
                     const greenlet taker{[count = &received] {
                       for (;;) {
                         greenlet::current().parent().switch_to();
                         ++*count;
                       }
                     }};
                     taker.switch_to();
                     giver(taker, received);
                   },
                   {.where = where, .name = "lender"}};
  g.switch_to();
  CHECK(g.dead());
}

/// Passing each of these to a suspended and to an unstarted greenlet is refused.
template <class... T>
void refuses(const greenlet& taker, const int& received, T&&... payload) {
  const greenlet unstarted{[](value) {}};
  CHECK_THROWS_AS(unstarted.switch_to(payload...), dangling_capture);
  CHECK_FALSE(unstarted.started());
  const int before = received;
  CHECK_THROWS_AS(taker.switch_to(std::forward<T>(payload)...), dangling_capture);
  CHECK(received == before);
}

/// One suspended switch that takes a payload and comes back.
template <class... T>
void accepts(T&&... payload) {
  const greenlet borrower{[](value) {}};
  CHECK_NOTHROW(borrower.switch_to(std::forward<T>(payload)...));
  CHECK(borrower.dead());
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S5: a payload with an address of the giver's copied stack is refused") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    give(where, [](const greenlet& taker, const int& received) {
      int local = 1;
      std::array<int, 4> several{};
      const char text[] = "on the stack";
      const auto borrows = [&local] { return local; };
      refuses(taker, received, &local);
      refuses(taker, received, static_cast<void*>(&local));
      refuses(taker, received, 7, &local);
      refuses(taker, received, true, &local, std::string("text"));
      refuses(taker, received, std::ref(local));
      refuses(taker, received, std::tuple<int&, bool>(local, true));
      refuses(taker, received, std::span<int>(several));
      refuses(taker, received, std::string_view(text));
      refuses(taker, received, several.begin());
      refuses(taker, received, with_span{several});
      refuses(taker, received, with_reference{local});
      refuses(taker, received, std::optional<int*>(&local));
      refuses(taker, received, std::variant<int, const int*>(&local));
      refuses(taker, received, std::pair<int, std::string_view>(1, text));
      refuses(taker, received, std::array<int*, 2>{nullptr, &local});
      refuses(taker, received, std::vector<int*>(1, nullptr), &local);
      refuses(taker, received, borrows);
      refuses(taker, received, std::function<int()>(borrows));
      refuses(taker, received, std::optional<std::tuple<int, with_span>>({1, {several}}));
      CHECK_THROWS_AS(taker.switch_to(value(&local)), dangling_capture);
      CHECK_THROWS_AS(taker.switch_to(1, value(&local)), dangling_capture);
      CHECK_THROWS_AS(taker.switch_to(std::unique_ptr<int, void (*)(int*)>(&local, [](int*) {})),
                      dangling_capture);
    });
  }
}

#if __has_builtin(__builtin_clear_padding)
TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S5: with padding too, where the compiler knows what is padding") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    give(where, [](const greenlet& taker, const int& received) {
      int local = 1;
      const char text[] = "on the stack";
      refuses(taker, received, with_pointer_and_flag{&local, true});
      refuses(taker, received, with_view{1, text});
    });
  }
}
#endif

TEST_CASE_FIXTURE(test::nothing_leaks, "S5: a payload that is refused is destroyed once") {
  give(placement::lane, [](const greenlet& taker, const int& received) {
    int local = 1;
    counted::reset();
    CHECK_THROWS_AS(taker.switch_to(&local, counted(1)), dangling_capture);
    CHECK(counted::alive == 0);
    CHECK(received == 0);
    std::string message;
    try {
      taker.switch_to(&local);
    } catch (const dangling_capture& error) {
      message = error.what();
    }
    CHECK(message.find("switch") != std::string::npos);
    CHECK(message.find("'lender'") != std::string::npos);
    taker.switch_to(1);
    CHECK(received == 1);
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S24: whose the target is, is asked before the payload is looked at") {
  give(placement::lane, [](const greenlet&, const int&) {
    int local = 1;
    CHECK_THROWS_AS(greenlet().switch_to(&local), offshoot::greenlet_error);
    bool dangling = false;
    try {
      greenlet().switch_to(&local);
    } catch (const dangling_capture&) {
      dangling = true;
    } catch (const offshoot::greenlet_error&) {
    }
    CHECK_FALSE(dangling);
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S5: main and dedicated greenlets may pass their addresses") {
  int in_main = 0;
  accepts(&in_main);
  accepts(1, std::ref(in_main));
  give(placement::dedicated, [&in_main](const greenlet& taker, const int& received) {
    int local = 0;
    accepts(&local);
    accepts(std::function<void()>([&local] { ++local; }));
    accepts(&in_main, with_reference{local});
    taker.switch_to(&local);
    CHECK(received == 1);
  });
  // What lies elsewhere may be passed by anybody.
  give(placement::lane, [&in_main](const greenlet&, const int&) {
    static int global = 0;
    const auto on_heap = std::make_unique<int>(1);
    accepts(&global, on_heap.get(), &in_main);
    accepts(std::string("short"), std::vector<int>(3), std::make_shared<int>(1));
    accepts(greenlet::main());
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S13: a result in the stack that ends is refused, and the parent is told") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    int* volatile address = nullptr;
    const auto local_of_mine = [&address](int number) {
      int local = number;
      address = &local;
      return static_cast<int*>(address);
    };
    const greenlet pointer{[&] { return local_of_mine(1); }, {.where = where}};
    CHECK_THROWS_AS(pointer.switch_to(), dangling_capture);
    CHECK(pointer.dead());
    const greenlet with_arguments{[&](int number) { return std::tuple(1, local_of_mine(number)); },
                                  {.where = where}};
    CHECK_THROWS_AS(with_arguments.switch_to(1), dangling_capture);
    CHECK(with_arguments.dead());
    const greenlet boxed{[&] { return value(local_of_mine(1)); }, {.where = where}};
    CHECK_THROWS_AS(boxed.switch_to(), dangling_capture);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S5: what generators and coroutines hand over is looked at") {
  using offshoot::coroutine;
  using offshoot::generator;
  generator<std::span<int>> spans{[](auto& yield) {
    std::array<int, 2> local{};
    CHECK_THROWS_AS(yield(std::span<int>(local)), dangling_capture);
    std::vector<int> on_heap(3);
    yield(std::span<int>(on_heap));
  }};
  std::size_t sum = 0;
  for (const auto each : spans) sum += each.size();
  CHECK(sum == 3);

  coroutine<std::string_view(int)> answers{[](auto& self, int) -> std::string_view {
    const char text[] = "on the stack";
    CHECK_THROWS_AS(self.yield(std::string_view(text)), dangling_capture);
    return text;
  }};
  CHECK_THROWS_AS(answers(1), dangling_capture);
  CHECK(answers.done());

  give(placement::lane, [](const greenlet&, const int&) {
    coroutine<void(std::optional<int*>)> borrows{[](auto& self, std::optional<int*>) {
      for (;;) self.yield();
    }};
    int local = 0;
    CHECK_THROWS_AS(borrows(&local), dangling_capture);
    borrows(std::nullopt);
    CHECK_FALSE(borrows.done());
  });
}
