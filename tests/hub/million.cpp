/// A million greenlets asleep at once.
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "hub/fixture.hpp"

using offshoot::sleep_until;
using offshoot::spawn;
using clock_type = std::chrono::steady_clock;

TEST_CASE_FIXTURE(test::hub_leaves_nothing,
                  "a million sleepers wake in the order of their deadlines") {
  constexpr std::int64_t count = 1'000'000;
  offshoot::event begin;
  clock_type::time_point start;
  std::int64_t next = 0;
  std::int64_t late = 0;
  std::int64_t out_of_order = 0;
  const auto spawning = clock_type::now();
  for (std::int64_t each = 0; each < count; ++each) {
    const std::int64_t rank = each * 611'953 % count;  // every number once
    spawn([&, rank] {
      begin.wait();
      if (clock_type::now() >= start) ++late;
      sleep_until(start + std::chrono::microseconds(rank));
      if (rank != next++) ++out_of_order;
    });
  }
  offshoot::yield();
  CHECK(offshoot::task_count() == count);
  // All must sleep before the first wakes, and going to sleep takes no longer than being made.
  const auto lead = 3 * (clock_type::now() - spawning);
  start = clock_type::now() + lead;
  begin.set();
  while (offshoot::task_count() != 0) offshoot::sleep_for(lead / 8);
  CHECK(next == count);
  REQUIRE(late == 0);
  CHECK(out_of_order == 0);
}
