/// What every test case of greenlets stands on: nothing may be left over at its end.
#pragma once

#include <offshoot/greenlet.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include <dirent.h>
#include <doctest/doctest.h>

#include "core/control_block.hpp"
#include "core/slice.hpp"
#include "core/thread_state.hpp"

namespace test {

/// A stack of this size no machine has room for.
inline constexpr std::size_t too_large =
    sizeof(void*) == 8 ? std::size_t{1} << (sizeof(void*) * 8 - 4) : std::size_t{3} << 30U;

/// The three placements, for what must hold in each.
inline constexpr std::array placements{offshoot::placement::lane, offshoot::placement::dedicated,
                                       offshoot::placement::nested};

inline std::string name_of(offshoot::placement where) {
  switch (where) {
    case offshoot::placement::lane:
      return "lane";
    case offshoot::placement::dedicated:
      return "dedicated";
    case offshoot::placement::nested:
      return "nested";
  }
  return "?";
}

/// Suspends the current greenlet in favour of its parent, and returns what comes back. Keeps no
/// handle to the current one, which would keep it alive for as long as it waits.
template <class... A>
offshoot::value to_parent(A&&... arguments) {
  return offshoot::greenlet::current().parent().switch_to(std::forward<A>(arguments)...);
}

inline std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = opendir("/proc/self/fd");
  REQUIRE(directory != nullptr);
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

/// Counts before and after: greenlets, slice buffers, stacks, descriptors.
class nothing_leaks {
 public:
  nothing_leaks() {
    offshoot::greenlet::main();  // the thread's own state exists from here on
    before_ = count();
  }
  ~nothing_leaks() {
    const counts after = count();
    CHECK_MESSAGE(after.greenlets == before_.greenlets, "greenlets leaked");
    CHECK_MESSAGE(after.slices <= before_.slices + 1,
                  "slices leaked");  // the main one may keep its own
    CHECK_MESSAGE(after.stacks == before_.stacks, "dedicated stacks leaked");
    CHECK_MESSAGE(after.lanes_in_use == before_.lanes_in_use, "lanes still have users");
    CHECK_MESSAGE(after.descriptors == before_.descriptors, "descriptors leaked");
  }
  nothing_leaks(const nothing_leaks&) = delete;
  nothing_leaks& operator=(const nothing_leaks&) = delete;

 private:
  struct counts {
    std::size_t greenlets;
    std::size_t slices;
    std::size_t stacks;
    bool lanes_in_use;
    std::size_t descriptors;
  };
  static counts count() {
    using namespace offshoot::detail;
    const thread_state& here = thread_state::get();
    return {control_blocks_alive(), slices_on_heap(), here.pool.taken(), here.lanes.in_use(),
            open_descriptors()};
  }

  counts before_{};
};

}  // namespace test
