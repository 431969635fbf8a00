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

/// Where a sanitizer or Valgrind looks, nothing is kept.
bool keeps() {
  return !offshoot::detail::sanitizers::present && !offshoot::detail::valgrind::checks_memory;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "a block has the size that its class stands for") {
  block_pool pool;
  for (std::size_t bytes = 1; bytes < 1000; bytes += 7) {
    const std::uint8_t size_class = block_pool::class_of(bytes);
    REQUIRE(size_class != 0);
    CHECK(block_pool::class_of(bytes + 16) == size_class + 1);
    void* const memory = pool.take(size_class);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t) == 0);
    std::memset(memory, 0x5a, bytes);  // AddressSanitizer sees if that is too much
    pool.put_back(memory, size_class);
  }
  pool.release();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "blocks of whole cache lines begin with one") {
  block_pool pool;
  std::vector<void*> taken;
  for (const std::size_t bytes : {1, 56, 57, 200, 249, 700}) {
    const std::size_t whole = block_pool::in_whole_lines(bytes);
    CHECK(whole >= bytes);
    CHECK(whole < bytes + 64);
    const std::uint8_t size_class = block_pool::class_of(whole);
    CHECK(block_pool::class_of(whole + 1) == size_class + 1);  // all of it is used
    for (int i = 0; i < 3; ++i) {
      taken.push_back(pool.take(size_class));
      CHECK(reinterpret_cast<std::uintptr_t>(taken.back()) % 64 == 0);
      std::memset(taken.back(), 0x5a, whole);
    }
    for (void* each : taken) pool.put_back(each, size_class);
    taken.clear();
  }
  pool.release();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "the block that was freed last is used first, by its size") {
  block_pool pool;
  const std::uint8_t small = block_pool::class_of(300);
  const std::uint8_t large = block_pool::class_of(600);
  void* const first = pool.take(small);
  void* const second = pool.take(small);
  void* const other = pool.take(large);
  pool.put_back(first, small);
  pool.put_back(second, small);
  pool.put_back(other, large);
  if (keeps()) {
    CHECK(pool.take(small) == second);
    CHECK(pool.take(small) == first);
    CHECK(pool.take(large) == other);
    pool.put_back(first, small);
    pool.put_back(second, small);
    pool.put_back(other, large);
  }
  pool.release();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "what is large is not pooled") {
  CHECK(block_pool::class_of(1016) != 0);
  CHECK(block_pool::class_of(1017) == 0);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a burst leaves no more than 256 blocks") {
  block_pool pool;
  const std::uint8_t size_class = block_pool::class_of(400);
  std::vector<void*> burst;
  for (int i = 0; i < 1000; ++i) burst.push_back(pool.take(size_class));
  for (void* each : burst) pool.put_back(each, size_class);
  CHECK(pool.idle() <= 256);
  CHECK((pool.idle() > 0) == keeps());
  const std::set<void*> known(burst.begin(), burst.end());
  while (pool.idle() > 0) {
    void* const kept = pool.take(size_class);
    CHECK(known.count(kept) == 1);
    ::operator delete(kept);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a pool full of one size has room for another") {
  block_pool pool;
  const std::uint8_t before = block_pool::class_of(400);
  const std::uint8_t now = block_pool::class_of(500);
  std::vector<void*> burst;
  for (int i = 0; i < 256; ++i) burst.push_back(pool.take(before));
  for (void* each : burst) pool.put_back(each, before);
  void* const memory = pool.take(now);
  pool.put_back(memory, now);
  if (keeps()) {
    CHECK(pool.take(now) == memory);
    pool.put_back(memory, now);
  }
  pool.release();
  CHECK(pool.idle() == 0);
}
