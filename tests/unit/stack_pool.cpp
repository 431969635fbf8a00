/// Dedicated stacks: reuse, sizes, guards, and very many of them.
#include "core/stack_pool.hpp"

#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <doctest/doctest.h>
#include <sys/mman.h>

#include "support/fixture.hpp"
#include "support/readable.hpp"

using offshoot::greenlet;
using offshoot::placement;
using offshoot::detail::page_size;
using offshoot::detail::region;
using offshoot::detail::stack_pool;

namespace {

bool kernel_has_cheap_guards() {
  const std::size_t bytes = page_size();
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool result = madvise(memory, bytes, 102) == 0;  // MADV_GUARD_INSTALL
  munmap(memory, bytes);
  return result;
}

}  // namespace

TEST_CASE("S30: a stack has the asked size, an aligned stop and a guard page below") {
  stack_pool pool;
  for (const std::size_t bytes :
       {1UL, 16384UL, 16385UL, 100'000UL, 1'000'000UL, 40'000'000UL, 0UL}) {
    CAPTURE(bytes);
    region& stack = pool.take(bytes);
    CHECK(stack.high - stack.low >= (bytes != 0 ? bytes : stack_pool::default_bytes));
    CHECK(stack.high % offshoot::detail::stack_alignment == 0);
    CHECK(stack.low % page_size() == 0);
    CHECK(stack.users == 0);
    CHECK(stack.head == nullptr);
    CHECK(test::readable(stack.low));
    CHECK_FALSE(test::readable(stack.low - 1));
    CHECK_FALSE(test::readable(stack.low - page_size()));
    *reinterpret_cast<volatile char*>(stack.low) = 1;
    *reinterpret_cast<volatile char*>(stack.high - 1) = 1;
    pool.put_back(stack);
  }
  CHECK(pool.taken() == 0);
}

TEST_CASE("S29: a size that no machine has is refused") {
  stack_pool pool;
  CHECK_THROWS_AS(pool.take(test::too_large), offshoot::not_startable);
  CHECK(pool.taken() == 0);
}

TEST_CASE("S30: the last one put back is the first to be taken, by size class") {
  stack_pool pool;
  region& one = pool.take(20'000);
  region& two = pool.take(32'768);  // the same class
  region& other = pool.take(40'000);
  CHECK(pool.taken() == 3);
  pool.put_back(one);
  pool.put_back(other);
  pool.put_back(two);
  CHECK(pool.taken() == 0);
  CHECK(&pool.take(32'768) == &two);
  CHECK(&pool.take(32'768) == &one);
  CHECK(&pool.take(65'536) == &other);
  region& fresh = pool.take(32'768);
  CHECK(&fresh != &one);
  CHECK(&fresh != &two);
  CHECK(pool.taken() == 4);
  CHECK((fresh.low >= one.high || fresh.high <= one.low));
  CHECK((fresh.low >= two.high || fresh.high <= two.low));
}

TEST_CASE("S30: stops are spread over the sets of the caches") {
  stack_pool pool;
  std::set<std::uintptr_t> in_page;
  for (int i = 0; i < 64; ++i) in_page.insert(pool.take(16'384).high % page_size());
  CHECK(in_page.size() >= 16);
}

TEST_CASE("S30: a stack that idles in a long list gives its memory back") {
  stack_pool pool;
  std::vector<region*> taken;
  for (int i = 0; i < 200; ++i) {
    taken.push_back(&pool.take(65'536));
    *reinterpret_cast<volatile char*>(taken.back()->low) = 1;
  }
  for (region* each : taken) pool.put_back(*each);
  int kept = 0;
  for (region* each : taken) kept += *reinterpret_cast<volatile char*>(each->low);
  CHECK(kept == 64);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S30: the thread's transfer stack has a guard page below") {
  const auto& memory = offshoot::detail::thread_state::get().transfer_stack;
  CHECK_FALSE(test::readable(memory.low()));
  CHECK_FALSE(test::readable(memory.low() + page_size() - 1));
  CHECK(test::readable(memory.low() + page_size()));
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S30: a finished greenlet's stack is the next one's") {
  const void* first = nullptr;
  const void* second = nullptr;
  const auto note = [](const void*& where) {
    return [&where] { where = __builtin_frame_address(0); };
  };
  for (const void** each : {&first, &second}) {
    const greenlet g{note(*each), {.where = placement::dedicated}};
    g.switch_to();
  }
  CHECK(first == second);
  const greenlet sized{[] {
                         using offshoot::detail::thread_state;
                         const region& mine = *thread_state::here()->current->where;
                         return mine.high - mine.low;
                       },
                       {.where = placement::dedicated, .stack_size = 3'000'000}};
  CHECK(sized.switch_to().get<std::uintptr_t>() >= 3'000'000);
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S30: a hundred thousand dedicated stacks alive at once, each with its guard") {
  // Without the kernel's cheap guards each costs two mappings, and a process has some 65 000.
  const std::size_t count = kernel_has_cheap_guards() ? 100'000 : 10'000;
  MESSAGE("alive at once: ", count);
  std::vector<greenlet> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    all.emplace_back([i] { return i + test::to_parent().get<std::size_t>(); },
                     offshoot::options{.where = placement::dedicated, .stack_size = 16'384});
    all.back().switch_to();
  }
  CHECK(offshoot::detail::thread_state::get().pool.taken() == count);
  std::size_t guarded = 0;
  std::size_t right = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const region& stack = *offshoot::detail::access::block(all[i])->where;
    if (test::readable(stack.low) && !test::readable(stack.low - 1)) ++guarded;
    if (all[i].switch_to(i).get<std::size_t>() == 2 * i) ++right;
  }
  CHECK(guarded == count);
  CHECK(right == count);
}
