/// The main thread's own stack, whose limit may be raised while it is in use. What is odd: this
/// program lowers the limit before anything else, so that there is something to raise.
#include <offshoot/greenlet.hpp>

#include <algorithm>
#include <cstddef>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "support/fixture.hpp"

using offshoot::greenlet;

namespace {

constexpr rlim_t low_limit = rlim_t{1} << 20;
constexpr std::size_t deeper = std::size_t{2} << 20;

const rlimit before = [] {
  rlimit limit{};
  getrlimit(RLIMIT_STACK, &limit);
  const rlimit lowered{std::min(limit.rlim_cur, low_limit), limit.rlim_max};
  setrlimit(RLIMIT_STACK, &lowered);
  return limit;
}();

/// In steps, as a stack grows.
template <class F>
[[gnu::noinline]] void further_down(std::size_t bytes, const F& work) {
  volatile std::byte frame[16384];
  frame[0] = std::byte{42};
  bytes > sizeof frame ? further_down(bytes - sizeof frame, work) : work();
  CHECK(frame[0] == std::byte{42});
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "S31: a stack that was allowed to grow is still one's own") {
  greenlet::main();  // knows the low limit
  REQUIRE(before.rlim_cur > low_limit + deeper);
  REQUIRE(setrlimit(RLIMIT_STACK, &before) == 0);
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] { return test::to_parent().get<int>() + 1; }, {.where = where}};
    g.switch_to();
    further_down(deeper, [&] { CHECK(g.switch_to(1).get<int>() == 2); });
    CHECK(g.dead());
  }
}
