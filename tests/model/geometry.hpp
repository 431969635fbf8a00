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
  fresh_on_lane,  ///< starts at the top of a lane where others have begun and not ended
  long_chain,     ///< evicted three or more at once
  own_stack,      ///< the thread's own: somebody there made way for somebody there
  nested_lane,    ///< a target that began below others' frames on a lane made somebody go
  deep_out,       ///< evicted 64 KiB or more of one
  deep_back,      ///< comes back with 64 KiB or more
  count
};
inline constexpr std::array geometry_names{
    "untouched", "equal",       "shallower",   "deeper",        "chained",       "straddling",
    "straddled", "below",       "fresh_below", "fresh_instead", "fresh_on_lane", "long_chain",
    "own_stack", "nested_lane", "deep_out",    "deep_back"};
static_assert(geometry_names.size() == static_cast<std::size_t>(geometry::count));

class geometry_counts {
 public:
  /// `from`, which runs now, is about to leave for `to`, for good if `leaving`.
  void look(const offshoot::detail::stack& from, const offshoot::detail::control_block& to,
            bool leaving, const offshoot::detail::region& own_stack) noexcept {
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
    constexpr std::uintptr_t deep = std::uintptr_t{64} << 10;
    unsigned evicted = 0;
    for (; owner != nullptr && owner != &to && low(*owner) < to.stop; owner = owner->previous) {
      ++evicted;
      add(low(*owner) < to.sp() ? geometry::shallower : geometry::deeper);
      if ((owner->stop < to.stop ? owner->stop : to.stop) - low(*owner) >= deep)
        add(geometry::deep_out);
      if (owner->stop == to.stop) add(geometry::equal);
      if (owner->stop > to.stop) {
        add(geometry::straddling);
        break;
      }
    }
    if (evicted == 0) add(geometry::untouched);
    if (evicted > 1) add(geometry::chained);
    if (evicted > 2) add(geometry::long_chain);
    if (evicted > 0 && to.where == &own_stack) add(geometry::own_stack);
    if (evicted > 0 && to.where->shared_top && to.stop != to.where->high)
      add(geometry::nested_lane);
    if (to.saved.size() >= deep) add(geometry::deep_back);
    if (evicted > 0 && owner != nullptr && owner != &to && owner->stop >= to.stop &&
        low(*owner) >= to.stop)
      add(geometry::below);
    if (to.saved.size() > 0 && to.sp() + to.saved.size() < to.stop) add(geometry::straddled);
  }

  /// `started` runs for the first time.
  void look_at_start(const offshoot::detail::control_block& started) noexcept {
    if (started.chosen_placement == offshoot::placement::lane && started.where->users > 1)
      add(geometry::fresh_on_lane);
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
