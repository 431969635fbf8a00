/// What lies in slices, and that nobody notices.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>
#include <offshoot/trace.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <alloca.h>
#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;
using offshoot::detail::access;
using offshoot::detail::slice;
using offshoot::detail::slices_on_heap;

namespace {

/// Uses about `bytes` of stack, full of a pattern, calls `inner` at the bottom and then looks at
/// the pattern and at its address again.
[[gnu::noinline]] bool deep(std::size_t bytes, unsigned char pattern,
                            const std::function<void()>& inner) {
  std::array<unsigned char, 512> local;
  local.fill(pattern);
  unsigned char* volatile address = local.data();
  bool fine = true;
  if (bytes > local.size()) {
    fine = deep(bytes - local.size(), static_cast<unsigned char>(pattern + 1), inner);
  } else {
    inner();
  }
  for (std::size_t i = 0; i < local.size(); ++i) fine = fine && address[i] == pattern;
  return fine && address == local.data();
}

slice& slice_of(const greenlet& g) {
  return access::block(g)->saved;
}

/// As many lane greenlets as there are lanes: the next one that starts evicts somebody.
constexpr std::size_t lanes = offshoot::detail::lane_set::default_count;

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S34: nothing is saved while there are no more greenlets than lanes") {
  std::vector<greenlet> all;
  for (std::size_t i = 0; i < lanes; ++i) {
    all.emplace_back([] {
      for (;;) test::to_parent();
    });
    all.back().switch_to();
  }
  for (int round = 0; round < 3; ++round) {
    for (const greenlet& each : all) {
      each.switch_to();
      CHECK(each.stack_saved_bytes() == 0);
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S34: what has to leave a stack is counted") {
  std::vector<greenlet> all;
  const auto start = [&](placement where) {
    all.emplace_back([] { test::to_parent(); }, offshoot::options{.where = where});
    all.back().switch_to();
  };
  const auto before = offshoot::copies();
  const auto counted = [&] {
    const auto now = offshoot::copies();
    return std::pair(now.evictions - before.evictions, now.bytes - before.bytes);
  };
  for (std::size_t i = 0; i < lanes; ++i) start(placement::lane);
  CHECK(counted() == std::pair<std::uint64_t, std::uint64_t>(0, 0));

  start(placement::lane);  // in the way of one of them
  const auto out = std::find_if(all.begin(), all.end(),
                                [](const greenlet& each) { return each.stack_saved_bytes() != 0; });
  REQUIRE(out != all.end());
  std::uint64_t bytes = out->stack_saved_bytes();
  CHECK(counted() == std::pair<std::uint64_t, std::uint64_t>(1, bytes));

  out->switch_to();  // changes places with the last one, and finishes
  bytes += all.back().stack_saved_bytes();
  CHECK(counted() == std::pair<std::uint64_t, std::uint64_t>(2, bytes));
  all.back().switch_to();  // takes the place of nobody
  CHECK(counted() == std::pair<std::uint64_t, std::uint64_t>(2, bytes));

  all.clear();
  start(placement::nested);  // it lies below main, which goes on
  bytes += all.front().stack_saved_bytes();
  CHECK(counted() == std::pair<std::uint64_t, std::uint64_t>(3, bytes));
  CHECK(deep(2048, 1, [&] { all.front().switch_to(); }));  // main, deeper down, is in its way
  CHECK(counted().first == 4);
  CHECK(counted().second > bytes + 2048);

  std::uint64_t of_another = 1;
  std::thread([&] { of_another = offshoot::copies().evictions; }).join();
  CHECK(of_another == 0);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S34: the slice's size while out, 0 while running, in place or finished") {
  CHECK(greenlet::main().stack_saved_bytes() == 0);
  const std::size_t buffers = slices_on_heap();
  std::vector<greenlet> all;
  constexpr std::size_t frames = 2048;
  for (std::size_t i = 0; i <= lanes; ++i) {
    all.emplace_back([] {
      CHECK(greenlet::current().stack_saved_bytes() == 0);
      CHECK(deep(frames, 7, [] { test::to_parent(); }));
      CHECK(greenlet::current().stack_saved_bytes() == 0);
    });
    CHECK(all.back().stack_saved_bytes() == 0);
    all.back().switch_to();
  }
  std::size_t out = 0;
  for (const greenlet& each : all) {
    const std::size_t saved = each.stack_saved_bytes();
    if (saved == 0) continue;
    ++out;
    CHECK(saved >= frames);
    CHECK(saved < 2 * frames + 2048);
    // It is the whole of its stack: from its stack pointer to its stop.
    const auto& stack = *access::block(each);
    CHECK(saved == stack.stop - stack.sp());
  }
  CHECK(out == 1);
  for (const greenlet& each : all) {
    each.switch_to();
    CHECK(each.dead());
    CHECK(each.stack_saved_bytes() == 0);
  }
  CHECK(slices_on_heap() == buffers);  // given back at finish, not with the last handle (S18)
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S34: a nested one's owner is saved in part") {
  // Both run on the dedicated stack of `base`: child begins below its frames, then base goes
  // deeper.
  greenlet child;
  const greenlet base{[&child] {
                        child = greenlet{[] {
                                           for (;;) test::to_parent();
                                         },
                                         {.where = placement::nested}};
                        child.switch_to();
                        CHECK(child.stack_saved_bytes() > 0);  // it is below whoever runs above it
                        CHECK(deep(4096, 3, [] { test::to_parent(); }));
                        child.switch_to();
                        child.reset();
                      },
                      {.where = placement::dedicated}};
  base.switch_to();
  CHECK(base.stack_saved_bytes() == 0);
  const auto& stack = *access::block(base);
  child.set_parent(greenlet::main());
  child.switch_to();
  CHECK(base.stack_saved_bytes() >= 4096);
  CHECK(base.stack_saved_bytes() < stack.stop - stack.sp());
  CHECK(child.stack_saved_bytes() == 0);
  child.set_parent(base);
  base.switch_to();
  CHECK(base.dead());
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S35: an owner that was resumed in place makes room for what starts below it") {
  // `between` begins below base, starts another below itself and finishes: base comes back without
  // a byte moved, and must know nevertheless that somebody may need its bytes now.
  const auto work = [] {
    greenlet below;
    const greenlet between{[&below] {
                             below = greenlet{[] {
                                                for (;;) test::to_parent();
                                              },
                                              {.where = placement::nested}};
                             below.switch_to();
                           },
                           {.where = placement::nested}};
    between.switch_to();
    CHECK(between.dead());
    CHECK(deep(8192, 5, [&below] { below.switch_to(); }));
    below.reset();
  };
  work();  // on the thread's own stack
  const greenlet base{work, {.where = placement::dedicated}};
  base.switch_to();
  CHECK(base.dead());
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S35 S36: frames keep contents and addresses, whatever the depths and placements") {
  for (const auto where : test::placements) {
    for (const auto other : test::placements) {
      CAPTURE(test::name_of(where));
      CAPTURE(test::name_of(other));
      std::vector<greenlet> all;
      int fine = 0;
      for (unsigned i = 0; i < 2 * lanes + 2; ++i) {
        const std::size_t bytes = 200 + i * 577 % 9000;
        all.emplace_back(
            [&fine, bytes, i] {
              for (unsigned round = 0; round < 4; ++round) {
                const std::size_t depth = 100 + (bytes * (round + 1)) % 9000;
                if (deep(depth, static_cast<unsigned char>(i + round), [] { test::to_parent(); })) {
                  ++fine;
                }
              }
            },
            offshoot::options{.where = i % 2 == 0 ? where : other});
      }
      for (unsigned step = 0; step < 5; ++step) {
        for (std::size_t i = 0; i < all.size(); ++i) all[i * 11 % all.size()].switch_to();
      }
      CHECK(fine == static_cast<int>(4 * all.size()));
      for (const greenlet& each : all) CHECK(each.dead());
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S35: small slices lie in the greenlet's own allocation") {
  std::thread([] {  // one that has not learnt yet how large slices are here
    const std::size_t before = slices_on_heap();
    std::vector<greenlet> all;
    for (std::size_t i = 0; i < 4 * lanes; ++i) {
      all.emplace_back([] {
        volatile char some_stack[300] = {};
        for (;;) test::to_parent(some_stack[0]);
      });
      all.back().switch_to();
    }
    std::size_t out = 0;
    std::size_t inside = 0;
    for (const greenlet& each : all) {
      if (each.stack_saved_bytes() == 0) continue;
      ++out;
      CHECK(each.stack_saved_bytes() > 300);
      const auto* data = reinterpret_cast<const char*>(slice_of(each).buffer());
      const auto* block = reinterpret_cast<const char*>(access::block(each));
      if (data > block && data < block + sizeof *access::block(each) + slice::block) ++inside;
    }
    CHECK(out == 3 * lanes);
    // The first two teach the thread how much room to give; all the others have it.
    CHECK(inside >= out - 2);
    CHECK(slices_on_heap() - before <= 2);
  })
      .join();
}

[[gnu::noinline]] void wait_with(std::size_t bytes) {
  auto* const some_stack = static_cast<volatile char*>(alloca(bytes + 1));
  some_stack[0] = 1;
  test::to_parent();
  some_stack[0] = 2;
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S35: one whose stack is like no other's does not enlarge the rooms to come") {
  std::thread([] {
    std::vector<greenlet> all;
    for (const std::size_t bytes : {600U, 300U, 300U, 300U}) {
      all.emplace_back([bytes] { wait_with(bytes); });
      all.back().switch_to();
    }
    const offshoot::detail::stack& last = *access::block(all.back());
    const std::size_t needed = last.at_stake(last.sp());
    CHECK(last.saved.room_capacity() >= needed);
    CHECK(last.saved.room_capacity() < needed + 200);
  }).join();
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S35: rooms follow what those that have finished had at stake, and get small again") {
  std::thread([] {
    const auto room_of_next = [] {
      const greenlet next([] {});
      return access::block(next)->saved.room_capacity();
    };
    const auto run_many_with = [](std::size_t bytes) {
      for (int i = 0; i < 200; ++i) {
        const greenlet each([bytes] { wait_with(bytes); });
        each.switch_to();
        each.switch_to();
      }
    };
    run_many_with(600);
    const std::size_t large = room_of_next();
    CHECK(large >= 600);
    run_many_with(100);
    CHECK(room_of_next() < large - 300);
    run_many_with(600);
    CHECK(room_of_next() == large);
  }).join();
}

/// A run function that needs `Alignment`, whose captures say whether they are as they were.
template <std::size_t Alignment>
struct marked {
  alignas(Alignment) std::array<std::uint64_t, 4> marks{1, 2, 3, 4};
  std::size_t bytes;
  bool* fine;

  void operator()() const {
    wait_with(bytes);
    *fine = marks == std::array<std::uint64_t, 4>{1, 2, 3, 4};
  }
};

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S35: a slice that fills its room to the brim leaves the captures behind it alone") {
  const auto try_all = [](auto run) {
    for (std::size_t bytes = 0; bytes < 400; bytes += 8) {
      std::vector<greenlet> all;  // those that share a lane are in each other's way
      std::array<bool, 2 * lanes> fine{};
      run.bytes = bytes;
      for (bool& each : fine) {
        run.fine = &each;
        all.emplace_back(run).switch_to();
      }
      for (const greenlet& each : all) each.switch_to();
      for (const bool each : fine) CHECK(each);
    }
  };
  std::thread([&] {
    try_all(marked<8>{});
    try_all(marked<64>{});
  }).join();
}

TEST_CASE("S29: a slice refuses to grow beyond what it can count") {
  slice subject;
  constexpr std::size_t with_an_eighth_more = std::size_t{UINT32_MAX} / 9 * 8 + 72;
  const std::size_t before = slices_on_heap();
  CHECK_FALSE(subject.grow(with_an_eighth_more));
  CHECK(subject.capacity() == 0);
  CHECK(slices_on_heap() == before);
}

TEST_CASE(
    "S35: a buffer is exact to a cache line while small, and has an eighth to spare when large") {
  slice subject;
  for (const auto& [asked, given] : {std::pair{300UL, 320UL}, {1000UL, 1024UL}, {8000UL, 9024UL}}) {
    REQUIRE(subject.grow(asked));
    CHECK(subject.capacity() == given);
  }
}

TEST_CASE("S35: a buffer goes only when it was far too large eight times in a row") {
  slice subject;
  REQUIRE(subject.grow(8192));
  const std::size_t capacity = subject.capacity();
  const auto use = [&](std::size_t bytes, int times) {
    for (int i = 0; i < times; ++i) {
      subject.set_size(bytes);
      subject.clear();
    }
  };
  use(capacity / 4, 20);
  CHECK(subject.capacity() == capacity);
  use(capacity / 4 - 1, 7);
  use(capacity / 4, 1);
  use(capacity / 4 - 1, 7);
  CHECK(subject.capacity() == capacity);
  use(capacity / 4 - 1, 1);
  CHECK(subject.capacity() == 0);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S35: a buffer is kept between switches and shrinks after a deep episode") {
  constexpr std::size_t depth = 64 * 1024;
  std::vector<greenlet> all;
  const auto idle = [] {
    for (;;) test::to_parent();
  };
  const greenlet subject{[] {
    CHECK(deep(depth, 1, [] { test::to_parent(); }));
    for (;;) test::to_parent();
  }};
  subject.switch_to();
  for (std::size_t i = 0; i < lanes; ++i) {
    all.emplace_back(idle);
    all.back().switch_to();
  }
  REQUIRE(subject.stack_saved_bytes() >= depth);
  const std::size_t once_deep = slice_of(subject).capacity();
  const std::byte* const buffer = slice_of(subject).buffer();
  CHECK(once_deep < 2 * depth);
  const auto turn = [&] {
    subject.switch_to();
    for (const greenlet& each : all) each.switch_to();
    REQUIRE(subject.stack_saved_bytes() > 0);
  };
  turn();
  CHECK(subject.stack_saved_bytes() < 4096);
  CHECK(slice_of(subject).buffer() == buffer);  // not at once: it may go deep again
  for (int i = 0; i < 20; ++i) turn();
  CHECK(slice_of(subject).capacity() < 4096);
  CHECK(subject.stack_saved_bytes() <= slice_of(subject).capacity());
  const std::byte* const small = slice_of(subject).buffer();
  for (int i = 0; i < 20; ++i) turn();
  CHECK(slice_of(subject).buffer() == small);  // and now it stays
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S35: whose allocation has no room at all pays when it suspends, wherever its stack begins") {
  for (int i = 0; i < 200; ++i) greenlet([] {}).switch_to();  // which teach that none is needed
  for (const std::size_t padding : {0U, 16U, 32U, 48U}) {
    CAPTURE(padding);
    auto* const pad = static_cast<volatile char*>(alloca(padding + 1));
    pad[0] = 1;
    const greenlet nested(
        [] {
          volatile int mine = 7;
          greenlet::current().parent().switch_to();
          return static_cast<int>(mine);
        },
        {.where = placement::nested});
    nested.switch_to();
    CHECK(nested.stack_saved_bytes() != 0);
    CHECK(nested.switch_to().get<int>() == 7);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S34 S35: a hint changes nothing, whoever it is about") {
  prefetch(greenlet());
  std::vector<greenlet> all;
  int fine = 0;
  for (std::size_t i = 0; i <= lanes; ++i) {
    all.emplace_back([&fine] {
      if (deep(1000, 9, [] { test::to_parent(); })) ++fine;
    });
    prefetch(all.back());  // unstarted
    CHECK_FALSE(all.back().started());
    all.back().switch_to();
  }
  for (const greenlet& each : all) {
    const std::size_t out = each.stack_saved_bytes();
    prefetch(each);  // in place, or out
    CHECK(each.stack_saved_bytes() == out);
    CHECK(each.active());
  }
  std::thread([&] { prefetch(all[0]); }).join();  // another's, by a thread without greenlets
  for (const greenlet& each : all) each.switch_to();
  CHECK(fine == static_cast<int>(all.size()));
  for (const greenlet& each : all) {
    prefetch(each);  // finished
    CHECK(each.dead());
  }
  prefetch(greenlet::current());
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S34: one on a stack of its own has no room for a slice, and is known by one line") {
  for (int time = 0; time < 3; ++time) {
    const greenlet own{[text = std::array<char, 40>{}] { test::to_parent(text.size()); },
                       {.where = placement::dedicated}};
    CHECK(slice_of(own).room_capacity() == 0);
    if constexpr (!offshoot::detail::sanitizers::present) {
      CHECK(reinterpret_cast<std::uintptr_t>(access::block(own)) % 64 == 0);
    }
    CHECK(own.switch_to().get<std::size_t>() == 40);
    own.switch_to();
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S35: one on a stack of its own finds room when it is in a nested one's way") {
  bool fine = false;
  greenlet below;
  const greenlet above{[&] {
                         below = greenlet{[] { test::to_parent(); }, {.where = placement::nested}};
                         below.switch_to();
                         fine = deep(2000, 3, [&] {
                           test::to_parent();
                           below.switch_to();
                         });
                       },
                       {.where = placement::dedicated}};
  above.switch_to();
  CHECK(slice_of(above).on_heap());
  CHECK(above.stack_saved_bytes() == 0);
  above.switch_to();
  CHECK(fine);
  CHECK(above.dead());
  CHECK(below.dead());
}
