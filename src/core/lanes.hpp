/// The stacks that a thread shares among its lane greenlets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/mapping.hpp"
#include "core/stack.hpp"

namespace offshoot::detail {

class lane_set {
 public:
  static constexpr std::size_t default_count = 16;
  static constexpr std::size_t largest_count = 1024;
  static constexpr std::size_t lane_bytes = std::size_t{1} << 20;

  /// How many lanes there may be; false if some exist already.
  bool set_count(std::size_t count) noexcept;

  /// The lane for a new greenlet: one with nobody bound, mapped now if need be; then the one with
  /// the fewest; never `avoided` (the starter's) while another will do. Throws `out_of_stacks` or
  /// std::bad_alloc only if there is none at all.
  region& choose(const region* avoided) {
    region* const found = vacated_;
    if (found != nullptr && found->users == 0 && found != avoided) return *found;
    return search(avoided);
  }
  /// Nobody is bound to that lane any more: the next one is likely to find it in the cache.
  void note_vacated(region& idle) noexcept { vacated_ = &idle; }

  bool contains(std::uintptr_t address) const noexcept;
  /// Whether anybody is bound to any of them.
  bool in_use() const noexcept;
  /// Forgets the lanes without unmapping them: somebody still runs there.
  void leak() noexcept;

 private:
  struct lane : region {
    explicit lane(std::size_t index);
    mapping memory;
  };

  region& search(const region* avoided);

  region* vacated_ = nullptr;
  std::size_t count_ = default_count;
  std::vector<lane> lanes_;  // its capacity is count_ from the first: regions do not move
};

}  // namespace offshoot::detail
