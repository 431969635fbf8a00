/// The memory of control blocks, which a thread uses again.
#include "core/block_pool.hpp"

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

namespace {

using offshoot::detail::block_pool;
using block = block_pool::block;

/// Where a sanitizer or Valgrind looks, nothing is kept.
bool keeps() {
  return !offshoot::detail::sanitizers::present && !offshoot::detail::valgrind::checks_memory;
}

std::uintptr_t address_of(const block& made) {
  return reinterpret_cast<std::uintptr_t>(made.memory);
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "a block is as large as was asked for, wherever it is from") {
  block_pool pool;
  for (const bool of_many : {false, true}) {
    for (std::size_t bytes = 1; bytes < 1100; bytes += 7) {
      const block made = pool.take(bytes, of_many);
      const std::uint8_t size_class = block_pool::class_of(bytes);
      const bool in_arena = of_many && keeps() && size_class != 0;
      CHECK(made.from == (in_arena ? size_class + block_pool::classes : size_class));
      CHECK(address_of(made) % alignof(std::max_align_t) == 0);
      std::memset(made.memory, 0x5a, bytes);  // AddressSanitizer sees if that is too much
      pool.put_back(made.memory, made.from);
      pool.release();
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "blocks of whole cache lines begin with one") {
  block_pool pool;
  std::vector<block> taken;
  for (const bool of_many : {false, true}) {
    for (const std::size_t bytes : {1UL, 56UL, 57UL, 200UL, 249UL, 700UL}) {
      const std::size_t whole = block_pool::in_whole_lines(bytes);
      CHECK(whole >= bytes);
      CHECK(whole < bytes + 64);
      CHECK(block_pool::class_of(whole + 1) == block_pool::class_of(whole) + 1);  // all is used
      for (int i = 0; i < 3; ++i) {
        taken.push_back(pool.take(whole, of_many));
        CHECK(address_of(taken.back()) % 64 == 0);
        std::memset(taken.back().memory, 0x5a, whole);
      }
      for (const block& each : taken) pool.put_back(each.memory, each.from);
      taken.clear();
      pool.release();
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "the block that was freed last is used first, by its size") {
  for (const bool of_many : {false, true}) {
    block_pool pool;
    const block first = pool.take(300, of_many);
    const block second = pool.take(300, of_many);
    const block other = pool.take(600, of_many);
    for (const block& each : {first, second, other}) pool.put_back(each.memory, each.from);
    if (keeps()) {
      CHECK(pool.take(300, of_many).memory == second.memory);
      CHECK(pool.take(300, of_many).memory == first.memory);
      CHECK(pool.take(600, of_many).memory == other.memory);
      for (const block& each : {first, second, other}) pool.put_back(each.memory, each.from);
    }
    pool.release();
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "what is large is not pooled") {
  CHECK(block_pool::class_of(1016) != 0);
  CHECK(block_pool::class_of(1017) == 0);
  block_pool pool;
  const block large = pool.take(1017, true);
  CHECK(large.from == 0);
  pool.put_back(large.memory, large.from);
  CHECK(pool.idle() == 0);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a burst leaves no more than 256 blocks") {
  block_pool pool;
  std::vector<block> burst;
  for (int i = 0; i < 1000; ++i) burst.push_back(pool.take(400, i % 2 == 0));
  for (const block& each : burst) pool.put_back(each.memory, each.from);
  CHECK(pool.idle() <= 256);
  CHECK((pool.idle() > 0) == keeps());
  std::set<void*> known;
  for (const block& each : burst) known.insert(each.memory);
  while (pool.idle() > 0) {
    const block kept = pool.take(400, false);
    CHECK(known.count(kept.memory) == 1);
    block_pool::free(kept.memory, kept.from);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a pool full of one size has room for another") {
  block_pool pool;
  std::vector<block> burst;
  for (int i = 0; i < 256; ++i) burst.push_back(pool.take(400, false));
  for (const block& each : burst) pool.put_back(each.memory, each.from);
  const block other = pool.take(500, false);
  pool.put_back(other.memory, other.from);
  if (keeps()) {
    CHECK(pool.take(500, false).memory == other.memory);
    pool.put_back(other.memory, other.from);
  }
  pool.release();
  CHECK(pool.idle() == 0);
}
