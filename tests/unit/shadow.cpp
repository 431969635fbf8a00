/// MemorySanitizer's knowledge goes where the bytes of a stack go: what was never set is not set
/// after they were away, and what was set is.
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <thread>

#include <doctest/doctest.h>
#include <sanitizer/msan_interface.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;

namespace {

constexpr std::size_t bytes = 3000;

bool is_set(const void* place) {
  return __msan_test_shadow(place, 1) == -1;
}

/// Leaves its frame all set, or as nobody has set it.
[[gnu::noinline]] void leave_frame(bool set) {
  std::array<std::byte, 2 * bytes> frame;
  if (set) {
    std::memset(frame.data(), 1, frame.size());
  } else {
    __msan_allocated_memory(frame.data(), frame.size());
  }
  test::to_parent();
}

/// Sets every third byte of a local, is away, and counts what is not as it was.
[[gnu::noinline]] std::size_t count_changes() {
  std::array<std::byte, bytes> local;
  __msan_allocated_memory(local.data(), local.size());
  for (std::size_t i = 0; i < local.size(); i += 3) local[i] = std::byte{7};
  std::size_t changed = 0;
  for (int times = 0; times < 2; ++times) {
    test::to_parent();
    for (std::size_t i = 0; i < local.size(); ++i) {
      if (is_set(&local[i]) != (i % 3 == 0)) ++changed;
    }
  }
  return changed;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "what nobody has set stays so wherever a stack is copied") {
  std::thread([] {
    offshoot::set_lane_count(1);
    for (const auto where : test::placements) {
      CAPTURE(test::name_of(where));
      for (const bool set : {false, true}) {
        std::size_t changed = bytes;
        const greenlet owner{[&changed] { changed = count_changes(); }, {.where = where}};
        owner.switch_to();
        const greenlet other{[set] { leave_frame(set); }, {.where = where}};
        other.switch_to();
        CHECK((owner.stack_saved_bytes() > bytes) == (where != placement::dedicated));
        owner.switch_to();
        other.switch_to();
        owner.switch_to();
        REQUIRE(owner.dead());
        CHECK(changed == 0);
      }
    }
  }).join();
}
