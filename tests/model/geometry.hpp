/// How the stacks of two greenlets lay to each other when one made way for the other: counted, so
/// that the model test can say what it has tried.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/control_block.hpp"

namespace model {

enum class geometry : std::uint8_t {
  untouched,      ///< the target was whole and lowest in its region
  equal,          ///< evicted one with the same stop
  shallower,      ///< the target reaches less deep than one that it evicted
  deeper,         ///< it reaches deeper
  chained,        ///< evicted several at once
  straddling,     ///< one reaches from below the target's stop to above it: saved in part
  straddled,      ///< the target comes back of which a part was in place all the time
  below,          ///< it lies below another that stays, and evicted somebody there
  fresh_below,    ///< starts below the frames of whoever starts it
  fresh_instead,  ///< starts where a finished one's frames were
  count
};
inline constexpr std::array geometry_names{"untouched",   "equal",        "shallower", "deeper",
                                           "chained",     "straddling",   "straddled", "below",
                                           "fresh_below", "fresh_instead"};
static_assert(geometry_names.size() == static_cast<std::size_t>(geometry::count));

class geometry_counts {
 public:
  /// `from`, which runs now, is about to leave for `to`, for good if `leaving`.
  void look(const offshoot::detail::stack& from, const offshoot::detail::control_block& to,
            bool leaving) noexcept {
    if (to.where == nullptr) {
      if (to.chosen_placement == offshoot::placement::nested)
        add(leaving ? geometry::fresh_instead : geometry::fresh_below);
      return;
    }
    const auto low = [&](const offshoot::detail::stack& owner) {
      return &owner == &from ? reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0))
                             : owner.lowest_in_place();
    };
    const auto* owner = to.where->head;
    if (leaving && owner == &from) owner = from.previous;
    unsigned evicted = 0;
    for (; owner != nullptr && owner != &to && low(*owner) < to.stop; owner = owner->previous) {
      ++evicted;
      add(low(*owner) < to.sp() ? geometry::shallower : geometry::deeper);
      if (owner->stop == to.stop) add(geometry::equal);
      if (owner->stop > to.stop) {
        add(geometry::straddling);
        break;
      }
    }
    if (evicted == 0) add(geometry::untouched);
    if (evicted > 1) add(geometry::chained);
    if (evicted > 0 && owner != nullptr && owner != &to && owner->stop >= to.stop &&
        low(*owner) >= to.stop)
      add(geometry::below);
    if (to.saved.size() > 0 && to.sp() + to.saved.size() < to.stop) add(geometry::straddled);
  }

  std::size_t operator[](geometry which) const noexcept {
    return counts_[static_cast<std::size_t>(which)];
  }
  void add(const geometry_counts& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  }

 private:
  void add(geometry which) noexcept { ++counts_[static_cast<std::size_t>(which)]; }

  std::array<std::size_t, static_cast<std::size_t>(geometry::count)> counts_{};
};

}  // namespace model
