/// Regions, the stacks on them, and the one rule by which bytes move between a region and the heap.
#pragma once

#include <cstdint>

#include "core/context.hpp"
#include "core/slice.hpp"

namespace offshoot::detail {

struct stack;

/// A contiguous range of addresses on which greenlets run: a thread's own stack, a lane, or a
/// dedicated one.
struct region {
  std::uintptr_t low = 0;   ///< lowest usable byte: below it lies a guard page or the unknown
  std::uintptr_t high = 0;  ///< stack_stop of whoever starts at its top
  /// The owner of the lowest bytes in place, from whom stack::previous leads upwards; null if there
  /// is none. While a greenlet of this region runs, that is itself.
  stack* head = nullptr;
  /// No byte at or above this address is ever in another's way: the highest stop of those that run
  /// here below somebody else's frames, or `high` if all start at the top.
  std::uintptr_t save_limit = 0;
  std::uint32_t users = 0;   ///< started and not yet finished greenlets that run here
  std::uint32_t nested = 0;  ///< those of them that began below somebody else's frames
  bool shared_top = false;   ///< a lane: many begin at the top, so save_limit stays at `high`
};

/// The part of a greenlet that moves. Its bytes are [registers.sp, stop); the lowest
/// `saved.size()` of them are in the slice and the rest is in place.
struct stack {
  context registers;  // first: the assembly is given this address
  /// Names the thread that may switch here with nothing to be looked at or swapped: its
  /// thread_state. While this stack is whole and lowest in its region, a load of its stack pointer
  /// is all; if not, the bit `out` is set, and bytes have to move.
  std::uintptr_t fast = never;
  std::uintptr_t stop = 0;
  region* where = nullptr;
  stack* previous = nullptr;  ///< stack_prev: the next owner above of bytes in place
  slice saved;
  bool fresh = false;    ///< its first frame is still to be laid
  bool leaving = false;  ///< finished: its bytes are forgotten, though it still runs on them

  static constexpr std::uintptr_t out = 1;
  /// No thread_state has this address, and neither has a thread without one, which is null.
  static constexpr std::uintptr_t never = 2;

  std::uintptr_t lowest_in_place() const noexcept { return registers.sp + saved.size(); }
  bool in_place() const noexcept { return saved.size() == 0 && !fresh; }
  /// Whether it can run by loading its stack pointer.
  bool ready() const noexcept { return in_place() && where->head == this; }
  /// How many of its bytes others may have to move, if it suspends with this stack pointer.
  std::uintptr_t at_stake(std::uintptr_t sp) const noexcept {
    const std::uintptr_t limit = stop < where->save_limit ? stop : where->save_limit;
    return sp < limit ? limit - sp : 0;
  }
  /// Sets the bounds within which it may suspend: on its region, and no deeper than its slice can
  /// hold. That whoever suspends pays for its own room is why a later eviction cannot fail.
  void bound() noexcept;
  /// Lets it leave from wherever it stands: its bytes are not needed again.
  void unbound() noexcept {
    registers.floor = 0;
    registers.extent = UINTPTR_MAX;
  }
};

/// Binds a stack that is yet to start to its region, or undoes that, or ends it. One that begins
/// below another's frames gets its stop only when that other's stack pointer is known.
void enter_region(stack& owner, region& where, bool below_frames) noexcept;
void leave_region(stack& owner, bool below_frames) noexcept;

}  // namespace offshoot::detail
