/// `coroutine<Out(In)>` on all placements.
#include <offshoot/coroutine.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/dirt.hpp"
#include "support/fixture.hpp"

using offshoot::coroutine;
using offshoot::greenlet;
using offshoot::placement;

static_assert(std::movable<coroutine<int(int)>> && !std::copyable<coroutine<int(int)>>);
static_assert(!std::is_constructible_v<coroutine<int(int)>, int (*)(int)>);

namespace {

struct mark_end {
  bool& ended;
  ~mark_end() { ended = true; }
};

coroutine<int(int)> running_sum(placement where = placement::lane) {
  return coroutine<int(int)>{[](auto& self, int next) {
                               int sum = 0;
                               while (next != 0) next = self.yield(sum += next);
                               return -1;
                             },
                             {.where = where, .name = "sum"}};
}

int yield_deep(coroutine<int(int)>::self& self, int depth) {
  return depth == 0 ? self.yield(7) : yield_deep(self, depth - 1) + 1;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: arguments go in and answers come out") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    coroutine<int(int)> sum = running_sum(where);
    CHECK(sum(1) == 1);
    CHECK(sum(10) == 11);
    CHECK(sum(100) == 111);
    CHECK(!sum.done());
    CHECK(sum(0) == -1);
    CHECK(sum.done());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: In and Out may differ and own memory") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    coroutine<std::string(std::string)> echo{[](auto& self, std::string first) {
                                               const std::string kept = first + " (the first)";
                                               std::string text = self.yield(std::move(first));
                                               while (!text.empty()) {
                                                 text = self.yield(text + text);
                                               }
                                               return kept;
                                             },
                                             {.where = where}};
    const std::string start = "longer than a string keeps inside itself";
    CHECK(echo(start) == start);
    CHECK(echo("ab") == "abab");
    CHECK(echo("") == start + " (the first)");
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: In and Out may be move-only") {
  coroutine<std::unique_ptr<int>(std::unique_ptr<int>)> next{
      [](auto& self, std::unique_ptr<int> box) {
        while (*box < 3) {
          ++*box;
          box = self.yield(std::move(box));
        }
        return box;
      }};
  auto box = std::make_unique<int>(1);
  const int* address = box.get();
  box = next(std::move(box));
  box = next(std::move(box));
  CHECK(*box == 3);
  CHECK(next(std::move(box)).get() == address);
  CHECK(next.done());
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: In may be left out, Out may be void") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int seen = 0;
    coroutine<int()> counter{[](auto& self) {
                               self.yield(1);
                               self.yield(2);
                               return 3;
                             },
                             {.where = where}};
    coroutine<void(int)> sink{[&seen](auto& self, int first) {
                                seen = first;
                                seen += self.yield();
                              },
                              {.where = where}};
    coroutine<void()> steps{[&seen](auto& self) {
                              seen = 0;
                              self.yield();
                              seen = 1;
                            },
                            {.where = where}};
    CHECK(counter() + counter() * 10 + counter() * 100 == 321);
    sink(5);
    CHECK(seen == 5);
    sink(6);
    CHECK(seen == 11);
    CHECK(sink.done());
    steps();
    CHECK(seen == 0);
    CHECK(!steps.done());
    steps();
    CHECK(seen == 1);
    CHECK(steps.done());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: references go in and come out as themselves") {
  std::string text = "here";
  coroutine<std::string&(std::string&)> pass{
      [](auto& self, std::string& first) -> std::string& { return self.yield(first); }};
  std::string other = "there";
  CHECK(&pass(text) == &text);
  CHECK(&pass(other) == &other);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "coroutine: a reference to a local is refused on a stack that is copied") {
  const auto lend_local = [](auto& self) -> const std::string& {
    const std::string local = "mine";
    self.yield(local);
    throw std::logic_error("resumed");
  };
  coroutine<const std::string&()> outward{lend_local};
  CHECK_THROWS_AS(outward(), offshoot::dangling_capture);

  const greenlet caller{[] {
    coroutine<void(const std::string&)> inward{[](auto& /*self*/, const std::string& /*text*/) {}};
    const std::string local = "mine";
    CHECK_THROWS_AS(inward(local), offshoot::dangling_capture);
    CHECK(!inward.done());
  }};
  caller.switch_to();
  CHECK(caller.dead());

  coroutine<const std::string&()> safe{lend_local, {.where = placement::dedicated}};
  CHECK(safe() == "mine");
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: yields from any depth of calls") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    coroutine<int(int)> deep{[](auto& self, int depth) { return yield_deep(self, depth) * 1000; },
                             {.where = where}};
    CHECK(deep(50) == 7);
    CHECK(deep(3) == 53000);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S13 coroutine: what leaves the body is thrown once") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    coroutine<int(int)> failing{[](auto& self, int first) -> int {
                                  self.yield(first);
                                  throw std::out_of_range("no more");
                                },
                                {.where = where}};
    CHECK(failing(1) == 1);
    CHECK_THROWS_WITH_AS(failing(2), "no more", std::out_of_range);
    CHECK(failing.done());
    CHECK_THROWS_WITH_AS(failing(3),
                         "offshoot: this coroutine has finished and cannot be resumed: make a new "
                         "one",
                         offshoot::greenlet_error);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S13 coroutine: greenlet_exit ends it without an answer") {
  coroutine<int()> mute{[](auto& /*self*/) -> int { throw offshoot::greenlet_exit{}; }};
  CHECK_THROWS_AS(mute(), offshoot::greenlet_error);
  CHECK(mute.done());
  coroutine<void()> quiet{[](auto& /*self*/) { throw offshoot::greenlet_exit{}; }};
  quiet();
  CHECK(quiet.done());
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S20 coroutine: early destruction unwinds the body") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    bool ended = false;
    {
      coroutine<void()> waiting{[&ended](auto& self) {
                                  const mark_end mark{ended};
                                  self.yield();
                                  FAIL("resumed");
                                },
                                {.where = where}};
      waiting();
      CHECK(!ended);
    }
    CHECK(ended);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S19 coroutine: one that was never called runs nothing") {
  const auto held = std::make_shared<int>(1);
  {
    const coroutine<void()> idle{[held](auto& /*self*/) { FAIL("ran"); }};
    CHECK(held.use_count() == 2);
  }
  CHECK(held.use_count() == 1);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: each answer goes to the greenlet that called") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    coroutine<int(int)> sum = running_sum(where);
    CHECK(sum(1) == 1);
    {
      const greenlet caller{[&sum] { return sum(2); }, {.where = where}};
      CHECK(caller.switch_to().get<int>() == 3);
    }  // who called last is gone altogether
    CHECK(sum(3) == 6);
    const greenlet last{[&sum] { return sum(0); }, {.where = where}};
    CHECK(last.switch_to().get<int>() == -1);
    CHECK(sum.done());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S26 coroutine: each body has its own current exception") {
  coroutine<std::string()> first{[](auto& self) -> std::string {
    try {
      throw std::runtime_error("first");
    } catch (...) {
      self.yield("caught");
      try {
        throw;
      } catch (const std::runtime_error& mine) {
        return mine.what();
      }
    }
  }};
  try {
    throw std::runtime_error("outside");
  } catch (const std::runtime_error&) {
    CHECK(first() == "caught");
    CHECK(first() == "first");
    CHECK_THROWS_WITH(throw, "outside");
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "coroutine: misuse is refused and changes nothing") {
  coroutine<int(int)>* own = nullptr;
  coroutine<int(int)> recursive{[&own](auto& self, int first) {
    CHECK_THROWS_AS((*own)(1), offshoot::greenlet_error);
    const greenlet stranger{[&self] { self.yield(1); }};
    CHECK_THROWS_AS(stranger.switch_to(), offshoot::greenlet_error);
    return self.yield(first);
  }};
  own = &recursive;
  CHECK(recursive(4) == 4);
  coroutine<int(int)> moved = std::move(recursive);
  CHECK_THROWS_AS(recursive(5), offshoot::greenlet_error);            // NOLINT: on purpose
  CHECK_THROWS_AS((void)recursive.done(), offshoot::greenlet_error);  // NOLINT: on purpose
  CHECK(moved(5) == 5);
  CHECK_THROWS_AS(coroutine<void()>{std::function<void(coroutine<void()>::self&)>{}},
                  offshoot::not_startable);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "coroutine: who switches to the body from outside gets no answer") {
  greenlet body;
  bool told = false;
  coroutine<int(int)> sum{[&](auto& self, int first) {
    body = greenlet::current();
    CHECK_THROWS_AS(body.set_parent(greenlet::main()), offshoot::greenlet_error);
    try {
      return self.yield(first);
    } catch (const offshoot::greenlet_error&) {
      told = true;
      body.reset();
      throw;
    }
  }};
  CHECK(sum(1) == 1);
  CHECK(body.parent() == greenlet::main());
  const greenlet outside{[&] { body.switch_to(); }};
  CHECK_THROWS_AS(outside.switch_to(), offshoot::greenlet_error);  // main is the parent of both
  CHECK(told);
  CHECK(sum.done());
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S24 coroutine: another thread cannot call it") {
  coroutine<int(int)> sum = running_sum();
  CHECK(sum(1) == 1);
  std::thread([&sum] { CHECK_THROWS_AS(sum(2), offshoot::wrong_thread); }).join();
  CHECK(sum(3) == 4);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S29 coroutine: a body too large for any stack leaves it as it was") {
  coroutine<int()> greedy{[](auto& /*self*/) { return 1; },
                          {.where = placement::dedicated, .stack_size = test::too_large}};
  CHECK_THROWS_AS(greedy(), offshoot::not_startable);
  CHECK(!greedy.done());
  CHECK_THROWS_AS(greedy(), offshoot::not_startable);
}

namespace {

struct refusal {};
/// Its call and its message are the tracer's last.
void refuse_next_arrival() {
  offshoot::set_trace([](auto, const greenlet&, const greenlet&) { throw refusal{}; });
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33 coroutine: what a tracer throws at a body's arrival comes out of the call") {
  const greenlet caller{[] {
    coroutine<int()> twice{[](auto& self) {
      self.yield(1);
      return 2;
    }};
    CHECK(twice() == 1);
    refuse_next_arrival();
    CHECK_THROWS_AS(twice(), refusal);
    CHECK(twice.done());
  }};
  caller.switch_to();
  CHECK(caller.dead());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33 coroutine: a tracer that throws when the body begins has ended it") {
  const greenlet caller{[] {
    coroutine<int()> never{[](auto& /*self*/) {
      FAIL("must not run");
      return 1;
    }};
    refuse_next_arrival();
    CHECK_THROWS_AS(never(), refusal);
    CHECK(never.done());
    CHECK_THROWS_AS(never(), offshoot::greenlet_error);
  }};
  caller.switch_to();
  CHECK(caller.dead());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S21 coroutine: a body that lives on alone ends like any greenlet") {
  struct occupies_at_end {
    std::unique_ptr<std::vector<std::string>> blocks = std::make_unique<std::vector<std::string>>();
    occupies_at_end() = default;
    occupies_at_end(occupies_at_end&&) = default;
    ~occupies_at_end() {
      if (blocks != nullptr) test::occupy_freed(*blocks);
    }
  };
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet body;
    {
      coroutine<int()> gone{[&body, last = occupies_at_end()](auto& self) {
                              try {
                                self.yield(1);
                              } catch (const offshoot::greenlet_exit&) {
                                body = greenlet::current();
                                greenlet::main().switch_to();
                              }
                              return 2;
                            },
                            {.where = where}};
      CHECK(gone() == 1);
    }
    CHECK(body.active());
    body.switch_to();
    CHECK(body.dead());
    CHECK(body.parent() == greenlet::main());
  }
}
