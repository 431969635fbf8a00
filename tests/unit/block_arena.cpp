/// The memory of control blocks where there are very many.
#include "core/block_arena.hpp"

#include <offshoot/greenlet.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/child.hpp"
#include "support/fixture.hpp"

namespace arena = offshoot::detail::block_arena;
using offshoot::greenlet;

namespace {

std::uintptr_t address_of(const void* block) {
  return reinterpret_cast<std::uintptr_t>(block);
}

/// Enough for chunks of their own to be used.
constexpr std::size_t many = 20'000;

/// Where a sanitizer or Valgrind looks, all blocks are the heap's.
bool is_used() {
  return !offshoot::detail::sanitizers::present && !offshoot::detail::valgrind::checks_memory;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "blocks do not overlap, begin where they should, and give all back") {
  const std::size_t before = arena::chunks();
  std::mt19937 random(1);
  for (const std::size_t bytes : {32UL, 208UL, 256UL, 480UL, 496UL, 1024UL, 4096UL}) {
    CAPTURE(bytes);
    std::map<std::uintptr_t, unsigned char> taken;  // and what each was filled with
    std::vector<void*> all;
    std::size_t most = 0;
    bool placed = true;
    bool apart = true;
    bool kept = true;
    for (int step = 0; step < 30'000; ++step) {
      // Twice grows and shrinks to nothing.
      const bool grows = step % 15'000 < 7'000;
      if (all.empty() || (random() % 10 < 7) == grows) {
        void* const block = arena::take(bytes);
        REQUIRE(block != nullptr);
        const std::uintptr_t at = address_of(block);
        placed &= at % (bytes % 64 == 0 ? 64 : 16) == 0 && (bytes % 64 != 32 || at % 32 == 16) &&
                  at / arena::chunk_bytes == (at + bytes - 1) / arena::chunk_bytes;
        const auto next = taken.lower_bound(at);
        apart &= (next == taken.end() || next->first >= at + bytes) &&
                 (next == taken.begin() || std::prev(next)->first + bytes <= at);
        const auto filling = static_cast<unsigned char>(random());
        std::memset(block, filling, bytes);
        taken.emplace(at, filling);
        all.push_back(block);
        most = std::max(most, all.size());
      } else {
        std::swap(all[random() % all.size()], all.back());
        const auto* const at = static_cast<const unsigned char*>(all.back());
        const unsigned char filling = taken.at(address_of(at));
        kept &= std::all_of(at, at + bytes, [&](unsigned char each) { return each == filling; });
        taken.erase(address_of(at));
        arena::give_back(all.back());
        all.pop_back();
      }
    }
    CHECK(placed);
    CHECK(apart);
    CHECK(kept);
    const std::size_t in_chunk = arena::chunk_bytes / bytes - 1;
    CHECK(arena::chunks() - before <= (most + in_chunk - 1) / in_chunk);  // holes are filled first
    for (void* each : all) arena::give_back(each);
    CHECK(arena::chunks() == before);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "twenty thousand greenlets lie there, and leave nothing") {
  const std::size_t before = arena::chunks();
  std::vector<greenlet> left;
  std::thread([&] {
    std::vector<greenlet> all;
    for (std::size_t i = 0; i < many; ++i) {
      all.emplace_back([] { test::to_parent(); });
      all.back().switch_to();
    }
    // Frames of s390x can be so large that with its slice no block is of a usual size.
    const std::size_t room = offshoot::detail::thread_state::get().typical_slice;
    const bool usual = offshoot::detail::block_pool::class_of(
                           sizeof(offshoot::detail::control_block) + room + 1) != 0;
    CHECK((arena::chunks() > before) == (is_used() && usual));
    // None of the bytes that the last ones have for a slice are lost.
    for (std::size_t i = many - 100; i < many; ++i) {
      auto& block = *offshoot::detail::access::block(all[i]);
      const std::uintptr_t first = block.saved.room_end() - block.saved.room_capacity();
      const std::size_t bytes = address_of(block.callable()) - address_of(&block) + 1;
      if (is_used() && (16 + sizeof block) % 32 == 0 &&
          offshoot::detail::block_pool::is_in_step(bytes))
        CHECK(first == address_of(&block + 1));
    }
    std::mt19937 random(1);
    for (int round = 0; round < 20; ++round) {  // whoever comes fills the holes of those who go
      std::shuffle(all.begin(), all.end(), random);
      for (std::size_t i = 0; i < many / 4; ++i) {
        all[i].switch_to();
        all[i] = greenlet([] { test::to_parent(); });
        all[i].switch_to();
      }
    }
    constexpr std::size_t no_block_is_larger = 1024;
    CHECK(arena::chunks() <= before + many * no_block_is_larger / arena::chunk_bytes + 1);
    all.resize(many / 2);
    left = std::move(all);
  }).join();
  for (const greenlet& each : left) CHECK(each.dead());
  left.clear();  // by a thread that has made none of them
  offshoot::detail::thread_state::get().blocks.release();
  CHECK(arena::chunks() == before);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "several threads share it, and a forked child goes on") {
  const std::size_t before = arena::chunks();
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([seed] {
      std::mt19937 random(seed);
      std::vector<void*> mine;
      for (int step = 0; step < 20'000; ++step) {
        if (mine.empty() || random() % 2 == 0) {
          mine.push_back(arena::take(480));
          std::memset(mine.back(), static_cast<int>(seed), 480);
        } else {
          const auto* const last = static_cast<const unsigned char*>(mine.back());
          REQUIRE(std::all_of(last, last + 480, [&](unsigned char each) { return each == seed; }));
          arena::give_back(mine.back());
          mine.pop_back();
        }
      }
      for (void* each : mine) arena::give_back(each);
    });
  }
  const greenlet makes_forks_watched([] {});
  for (int i = 0; i < 20; ++i) {  // while the others hold the lock, or not
    CHECK(test::in_child([] {
            arena::give_back(arena::take(480));
            return 7;
          }) == 7);
  }
  for (std::thread& each : threads) each.join();
  CHECK(arena::chunks() == before);
}
