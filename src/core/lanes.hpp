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

  lane_set() noexcept = default;
  lane_set(const lane_set&) = delete;
  lane_set& operator=(const lane_set&) = delete;
  ~lane_set() { release(); }

  /// How many lanes there may be; false if some exist already.
  bool set_count(std::size_t count) noexcept;

  /// The lane for a new greenlet: one with nobody bound, mapped now if need be; then the one with
  /// the fewest; never `avoided` (the starter's) while another will do. Throws `out_of_stacks` or
  /// std::bad_alloc only if there is none at all. `transfer_stack`: see region::transfer_top.
  region& choose(const region* avoided, std::uintptr_t transfer_stack);
  /// What `choose` need not be asked for: the lane that was vacated last, which is likely to be in
  /// the cache. Null if somebody is bound to it again, or it is `avoided`.
  region* vacated(const region* avoided) const noexcept {
    return vacated_ != nullptr && vacated_->users == 0 && vacated_ != avoided ? vacated_ : nullptr;
  }
  /// Nobody is bound to that lane any more.
  void note_vacated(region& idle) noexcept { vacated_ = &idle; }

  bool contains(std::uintptr_t address) const noexcept;
  /// Whether anybody is bound to any of them.
  bool in_use() const noexcept;
  /// Unmaps them: nobody is bound to any.
  void release() noexcept;

 private:
  struct lane : region {
    lane(std::size_t index, std::uintptr_t transfer_stack);
    mapping memory;
  };

  region* vacated_ = nullptr;
  std::size_t count_ = default_count;
  std::vector<lane> lanes_;  // its capacity is count_ from the first: regions do not move
};

}  // namespace offshoot::detail
