/// Last handles that go away on another thread than the owner's.
#include <offshoot/greenlet.hpp>

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"
#include "support/threads.hpp"

using offshoot::greenlet;
using test::counted;
using test::elsewhere;
using test::suspended;

TEST_CASE_FIXTURE(test::nothing_leaks, "S19: of an unstarted one, on another thread, at once") {
  counted::reset();
  greenlet unstarted{[held = counted(1)] { FAIL("must not run"); }};
  elsewhere([&] {
    unstarted.reset();
    CHECK(counted::alive == 0);
  });
  greenlet finished{[] {}};
  finished.switch_to();
  elsewhere([&] { finished.reset(); });
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S22: a drop elsewhere takes effect at the owner's next switch, construction or current()") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    // It goes back without current(), which would look at the queue by itself.
    const greenlet waiting{[main = greenlet::main()] {
                             for (;;) main.switch_to();
                           },
                           {.where = where}};
    waiting.switch_to();

    greenlet victim = suspended(where);
    elsewhere([&] { victim.reset(); });
    CHECK(counted::alive == 1);
    waiting.switch_to();
    CHECK(counted::alive == 0);

    victim = suspended(where);
    elsewhere([&] { victim.reset(); });
    CHECK(counted::alive == 1);
    const greenlet made{[] {}};
    CHECK(counted::alive == 0);

    victim = suspended(where);
    elsewhere([&] { victim.reset(); });
    CHECK(counted::alive == 1);
    greenlet::current();
    CHECK(counted::alive == 0);

    victim = suspended(where);
    elsewhere([&] { victim.reset(); });
    CHECK(counted::alive == 1);
    made.throw_in();
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S22: many drops from many threads, and handles that are shared") {
  counted::reset();
  constexpr int each = 100;
  std::vector<greenlet> victims;
  for (int i = 0; i < 3 * each; ++i) {
    victims.push_back(suspended(test::placements[static_cast<std::size_t>(i) % 2]));
  }
  std::vector<greenlet> also = victims;
  std::vector<std::thread> droppers;
  for (std::size_t t = 0; t < 3; ++t) {
    droppers.emplace_back([&, t] {
      for (std::size_t i = t; i < victims.size(); i += 3) {
        victims[i].reset();
        also[victims.size() - 1 - i].reset();
      }
    });
  }
  for (auto& dropper : droppers) dropper.join();
  CHECK(counted::alive == 3 * each);
  greenlet::current();
  CHECK(counted::alive == 0);
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S22: drops elsewhere while the owner switches, finishes and drops the same ones") {
  // Handles of one greenlet go away on three threads in every order, against its start and finish.
  constexpr std::size_t count = 3'000;
  std::atomic<std::size_t> unwound{0};
  struct note {
    std::atomic<std::size_t>& unwound;
    ~note() { ++unwound; }
  };
  std::vector<greenlet> mine;
  for (std::size_t i = 0; i < count; ++i) {
    mine.emplace_back(
        [&unwound] {
          const note at_end{unwound};
          test::to_parent();
        },
        offshoot::options{.where = test::placements[i % 2]});
    mine.back().switch_to();
  }
  std::vector<greenlet> theirs[2] = {mine, mine};
  std::atomic<std::size_t> under_way{0};
  std::vector<std::thread> droppers;
  for (auto& handles : theirs) {
    droppers.emplace_back([&handles, &under_way] {
      ++under_way;
      while (under_way.load() < 3) std::this_thread::yield();
      for (auto& each : handles) each.reset();
    });
  }
  ++under_way;
  while (under_way.load() < 3) std::this_thread::yield();
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 3 == 0) mine[i].switch_to();
    mine[i].reset();
  }
  for (auto& dropper : droppers) dropper.join();
  greenlet::current();
  CHECK(unwound.load() == count);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S22 S23: a drop elsewhere while the owner's thread ends") {
  std::atomic<int> unwound{0};
  struct note {
    std::atomic<int>& unwound;
    ~note() { ++unwound; }
  };
  constexpr int rounds = 200;
  for (int i = 0; i < rounds; ++i) {
    greenlet kept;
    std::atomic<bool> handed_over{false};
    std::thread owner([&] {
      kept = greenlet{[&unwound] {
        const note at_end{unwound};
        test::to_parent();
      }};
      kept.switch_to();
      handed_over = true;
    });
    while (!handed_over.load()) std::this_thread::yield();
    kept.reset();
    owner.join();
  }
  CHECK(unwound.load() == rounds);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S22: a drop elsewhere while the owner finishes it, between two instructions") {
  using namespace offshoot::detail;
  for (const bool has_greenlets : {false, true}) {
    CAPTURE(has_greenlets);
    greenlet ending{[main = greenlet::main()] { main.switch_to(); }};
    ending.switch_to();
    control_block* const block = access::block(ending);
    // As finish_and_drop leaves it in between.
    const std::uintptr_t owner = block->owner_key.exchange(control_block::nobody);
    elsewhere([&] {
      if (has_greenlets) greenlet::main();
      ending.reset();
    });
    block->owner_key = owner;
    offshoot::detail::switch_to(block);
  }
}
