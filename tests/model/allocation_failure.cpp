/// S29 by a sweep: in each operation the n-th allocation or mapping fails, for n = 0, 1, 2 ...
/// until none is left to fail. Whoever called gets std::bad_alloc, nothing has changed, and the
/// same call then succeeds. What is odd: each n has a thread of its own, which has mapped nothing
/// yet; and whoever is switched to ends the failures, so that they are all the caller's.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>
#include <offshoot/trace.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "core/control_block.hpp"
#include "core/slice.hpp"
#include "core/thread_state.hpp"
#include "model/faults.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;
using offshoot::detail::access;

namespace {

/// All that a failed call must leave as it was.
class snapshot {
 public:
  explicit snapshot(const std::vector<greenlet>& cast) {
    const auto& here = offshoot::detail::thread_state::get();
    totals_ = {offshoot::detail::control_blocks_alive(),
               offshoot::detail::slices_on_heap(),
               here.pool.taken(),
               here.lanes.in_use() ? std::size_t{1} : 0,
               here.current->where->users,
               here.arrivals,
               here.attention};
    current_ = here.current;
    live_ = here.live;
    for (const greenlet& each : cast) {
      const auto* block = access::block(each);
      of_each_.emplace_back(block->state(), block->references(), block->marks, block->parent,
                            block->where, thread_of(*block), each.stack_saved_bytes(), block->fresh,
                            block->displaced());
    }
  }
  bool operator==(const snapshot&) const = default;

 private:
  std::array<std::size_t, 7> totals_{};
  const void* current_ = nullptr;
  const void* live_ = nullptr;
  std::vector<std::tuple<offshoot::detail::life, std::uint32_t, std::uint8_t, const void*,
                         const void*, const void*, std::size_t, bool, bool>>
      of_each_;
};

struct verdict {
  bool fired = false;
  bool threw = false;
};

/// Calls `operation` with a failure ahead, and once more if that was met. `cast`: all whom it
/// concerns.
template <class Operation>
verdict attempt(std::size_t n, const std::vector<greenlet>& cast, const Operation& operation) {
  verdict seen;
  const snapshot before(cast);
  faults::arm(n);
  try {
    operation();
  } catch (const std::bad_alloc&) {
    seen.threw = true;
  }
  seen.fired = faults::disarm();
  if (seen.threw) {
    CHECK(seen.fired);
    CHECK(snapshot(cast) == before);
    operation();
  }
  return seen;
}

/// Runs `scene(n)` until no failure is met. Returns how many were; each must have been thrown.
std::size_t sweep(const std::function<verdict(std::size_t)>& scene) {
  for (std::size_t n = 0;; ++n) {
    verdict seen;
    std::thread([&] {
      const test::nothing_leaks guard;
      seen = scene(n);
    }).join();
    CHECK(seen.threw == seen.fired);
    if (!seen.fired) return n;
  }
}

/// Goes so deep that the slice which a greenlet begins with is too small, and checks that depth's
/// contents afterwards.
template <class Operation>
[[gnu::noinline]] void deep_down(const Operation& operation) {
  std::array<volatile std::uint64_t, 1000> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = i ^ 0x5a5a;
  operation();
  bool intact = true;
  for (std::size_t i = 0; i < words.size(); ++i) intact = intact && words[i] == (i ^ 0x5a5a);
  CHECK(intact);
}

/// A greenlet that suspends for main at once, and whenever it is resumed.
greenlet suspended(placement where) {
  greenlet made{[] {
                  for (;;) {
                    greenlet::main().switch_to();
                    faults::disarm();
                  }
                },
                {.where = where}};
  made.switch_to();
  return made;
}

/// Makes the attempt from deep within a lane greenlet. `prepare` gives the cast; `operation` may
/// leave for main, who comes back.
verdict attempt_deep(std::size_t n, const std::vector<greenlet>& cast,
                     const std::function<void()>& operation) {
  verdict seen;
  greenlet acting{
      [n, &cast, &operation, &seen] { deep_down([&] { seen = attempt(n, cast, operation); }); }};
  acting.switch_to();
  while (!acting.dead()) {
    faults::disarm();
    acting.switch_to();
  }
  return seen;
}

}  // namespace

TEST_CASE("S29: the first use of a thread") {
  std::size_t failures = 0;
  for (bool fired = true; fired; ++failures) {
    std::thread([&] {
      bool threw = false;
      faults::arm(failures);
      try {
        greenlet::main();
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      fired = faults::disarm();
      CHECK(threw == fired);
      // The first on this program's first thread; a later thread takes over what is there.
      if (failures == 0) CHECK(faults::failed_bytes() == sizeof(offshoot::detail::thread_state));
      CHECK(greenlet::main() == greenlet::current());
      const greenlet g{[] { return 3; }};
      CHECK(g.switch_to().get<int>() == 3);
    }).join();
  }
  CHECK(failures >= 3);
  CHECK(offshoot::detail::control_blocks_alive() == 0);
}

TEST_CASE("S29: construction") {
  struct alignas(64) wide {
    std::array<char, 256> bytes{};
  };
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet parent{[](int got) { return got; }};
    greenlet made;
    const verdict seen = attempt(n, {parent}, [&] {
      made = greenlet([held = wide{}] { return held.bytes.back() + 1; },
                      {.parent = parent, .name = "a name that is too long for a small string"});
    });
    CHECK(made.name() == "a name that is too long for a small string");
    CHECK(made.parent() == parent);
    CHECK(made.switch_to().get<int>() == 1);
    return seen;
  });
  CHECK(failures == 1);  // the greenlet, with its name
}

TEST_CASE("S29: start") {
  for (const auto where : test::placements) {
    const std::size_t failures = sweep([where](std::size_t n) {
      greenlet started{[] {
                         faults::disarm();
                         return 7;
                       },
                       {.where = where}};
      int got = 0;
      const verdict seen = attempt(n, {started}, [&] { got = started.switch_to().get<int>(); });
      CHECK(got == 7);
      return seen;
    });
    CHECK(failures == (where == placement::nested ? 0 : 2));  // the list of mappings, a mapping
  }
}

TEST_CASE("S29: start from deep within a lane greenlet") {
  for (const auto where : test::placements) {
    const std::size_t failures = sweep([where](std::size_t n) {
      offshoot::set_lane_count(1);  // a second one would be done without
      const greenlet started{[] {
                               faults::disarm();
                               return 7;
                             },
                             {.where = where}};
      const verdict seen = attempt_deep(n, {started}, [&started] { started.switch_to(); });
      CHECK(started.dead());
      return seen;
    });
    CHECK(failures >= 1);
  }
}

TEST_CASE("S29: a lane that cannot be mapped is done without") {
  std::size_t n = 0;
  for (bool fired = true; fired; ++n) {
    std::thread([&] {
      const greenlet first = suspended(placement::lane);
      const greenlet second{[] {
        faults::disarm();
        greenlet::main().switch_to(1);
        return 2;
      }};
      faults::arm(n);
      CHECK(second.switch_to().get<int>() == 1);
      fired = faults::disarm();
      CHECK((access::block(first)->where == access::block(second)->where) == fired);
      first.switch_to();
      CHECK((second.stack_saved_bytes() != 0) == fired);
      CHECK(second.switch_to().get<int>() == 2);
    }).join();
  }
  CHECK(n == 2);  // the one mapping, and none
}

TEST_CASE("S29: a switch in place needs no memory, one that carries a large payload does") {
  for (const auto where : {placement::lane, placement::dedicated}) {
    std::size_t failures = sweep([where](std::size_t n) {
      const greenlet target = suspended(where);
      return attempt(n, {target}, [&] { target.switch_to(); });
    });
    CHECK(failures == 0);
    failures = sweep([where](std::size_t n) {
      const greenlet target = suspended(where);
      return attempt(n, {target}, [&] { target.switch_to(std::array<long, 8>{}); });
    });
    CHECK(failures == 1);
  }
}

TEST_CASE("S29: main, deeper than where a nested greenlet starts, needs room for what is between") {
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet target = suspended(placement::nested);
    verdict seen;
    deep_down([&] { seen = attempt(n, {target}, [&] { target.switch_to(); }); });
    return seen;
  });
  CHECK(failures == 1);
}

TEST_CASE("S29: a switch whose slice must grow") {
  const std::size_t failures = sweep(
      [](std::size_t n) { return attempt_deep(n, {}, [] { greenlet::main().switch_to(); }); });
  CHECK(failures == 1);
}

TEST_CASE("S5 S29: what a failed switch carried is destroyed with it") {
  std::thread([] {
    const test::nothing_leaks guard;
    const auto carried = std::make_shared<int>(5);
    bool threw = false;
    long owners = 0;
    greenlet sender{[&] {
      deep_down([&] {
        faults::arm(0);
        try {
          greenlet::main().switch_to(carried);
        } catch (const std::bad_alloc&) {
          threw = true;
        }
        faults::disarm();
        owners = carried.use_count();
      });
    }};
    sender.switch_to();
    CHECK(sender.dead());
    CHECK(threw);
    CHECK(owners == 1);
  }).join();
}

TEST_CASE("S29: a switch that copies") {
  const std::size_t failures = sweep([](std::size_t n) {
    offshoot::set_lane_count(1);
    const greenlet other = suspended(placement::lane);
    const std::vector<greenlet> cast{other};
    const verdict seen = attempt_deep(n, cast, [&other] { other.switch_to(); });
    CHECK(other.active());
    return seen;
  });
  CHECK(failures == 1);
}

TEST_CASE("S29: throw_in to a suspended greenlet") {
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet target = suspended(placement::lane);
    const verdict seen = attempt_deep(n, {target}, [&target] { target.throw_in(); });
    CHECK(target.dead());
    return seen;
  });
  CHECK(failures == 1);
}

TEST_CASE("S29: throw_in to an unstarted greenlet") {
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet target{[] { FAIL("it must never run"); }};
    const verdict seen = attempt_deep(n, {target}, [&target] { target.throw_in(); });
    CHECK(target.dead());
    return seen;
  });
  CHECK(failures == 1);
}

TEST_CASE("S29: throw_in to a dead greenlet") {
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet target{[] {}};
    target.switch_to();
    REQUIRE(target.dead());
    return attempt_deep(n, {target}, [&target] { target.throw_in(); });
  });
  CHECK(failures == 1);
}

TEST_CASE("S16 S29: an ancestor that cannot be started for want of memory passes that on") {
  for (const auto where : {placement::lane, placement::dedicated}) {
    std::size_t n = 0;
    for (bool fired = true; fired; ++n) {
      std::thread([&] {
        const test::nothing_leaks guard;
        const greenlet ancestor{[](int got) { return got + 1; }, {.where = where}};
        const greenlet child{[n] {
                               faults::arm(n);
                               return 4;
                             },
                             {.parent = ancestor, .where = placement::nested}};
        bool threw = false;
        int got = 0;
        try {
          got = child.switch_to().get<int>();
        } catch (const std::bad_alloc&) {
          threw = true;
        }
        fired = faults::disarm();
        CHECK(child.dead());
        CHECK(threw == fired);
        CHECK(ancestor.started() == !fired);
        if (fired) got = ancestor.switch_to(4).get<int>();
        CHECK(got == 5);
      }).join();
    }
    CHECK(n == 3);
  }
}

TEST_CASE("S20 S29: a drop that finds no memory takes effect later") {
  for (const auto where : test::placements) {
    std::size_t n = 0;
    for (bool fired = true; fired; ++n) {
      std::thread([&] {
        const test::nothing_leaks guard;
        struct noted {
          bool* gone;
          ~noted() { *gone = true; }
        };
        bool gone = false;
        greenlet victim{[gone = &gone] {
                          const noted on_stack{gone};
                          greenlet::main().switch_to();
                        },
                        {.where = where}};
        victim.switch_to();
        greenlet dropper{[&, n] {
          deep_down([&] {
            faults::arm(n);
            victim.reset();
            fired = faults::disarm();
            CHECK(gone == !fired);
            greenlet::current();  // where what is queued takes effect
            CHECK(gone);
          });
        }};
        dropper.switch_to();
        CHECK(dropper.dead());
      }).join();
    }
    CHECK(n == 2);
  }
}

TEST_CASE("S20 S29: one that has let go of itself and finds no memory to leave is unwound later") {
  std::thread([] {
    const test::nothing_leaks guard;
    bool threw = false;
    int gone = 0;
    struct noted {
      int* times;
      ~noted() { ++*times; }
    };
    greenlet lonely;
    lonely = greenlet{[&] {
      const noted on_stack{&gone};
      deep_down([&] {
        lonely.reset();
        faults::arm(0);
        try {
          greenlet::main().switch_to();
        } catch (const std::bad_alloc&) {
          threw = true;
        }
        faults::disarm();
        CHECK(gone == 0);
        greenlet::main().switch_to();
      });
    }};
    lonely.switch_to();
    CHECK(threw);
    CHECK(gone == 1);
  }).join();
}

TEST_CASE("S29: a new parent needs no memory") {
  const std::size_t failures = sweep([](std::size_t n) {
    const greenlet child{[] {}};
    const greenlet parent{[] {}};
    const verdict seen = attempt(n, {child, parent}, [&] { child.set_parent(parent); });
    CHECK(child.parent() == parent);
    return seen;
  });
  CHECK(failures == 0);
}

TEST_CASE("S29 S33: a tracer") {
  const std::size_t failures = sweep([](std::size_t n) {
    int calls = 0;
    const verdict seen = attempt(n, {}, [&] {
      offshoot::set_trace([&calls, large = std::array<long, 8>{}](auto...) {
        ++calls;
        static_cast<void>(large);
      });
    });
    const greenlet traced{[] {}};
    traced.switch_to();
    CHECK(calls == 2);
    offshoot::set_trace({});
    return seen;
  });
  CHECK(failures == 2);  // the function, and the tracer
}

TEST_CASE("S29 S30: a stack without a guard page is none") {
  for (const auto refused : {faults::guards::refuse_madvise, faults::guards::refuse_all}) {
    const bool fails = refused == faults::guards::refuse_all;
    std::thread([&] {
      {
        const faults::without_guards now(refused);
        if (fails) {
          CHECK_THROWS_AS(greenlet::main(), const offshoot::out_of_stacks&);
        } else {
          CHECK_NOTHROW(greenlet::main());
        }
      }
      const test::nothing_leaks guard;
      for (const auto where : {placement::lane, placement::dedicated}) {
        const greenlet started{[] { return 1; }, {.where = where}};
        const std::vector<greenlet> cast{started};
        const snapshot before(cast);
        bool threw = false;
        int got = 0;
        {
          const faults::without_guards now(refused);
          try {
            got = started.switch_to().get<int>();
          } catch (const offshoot::out_of_stacks&) {
            threw = true;
          }
        }
        CHECK(threw == fails);
        if (threw) {
          CHECK(snapshot(cast) == before);
          got = started.switch_to().get<int>();
        }
        CHECK(got == 1);
      }
    }).join();
  }
}
