/// Regions, the stacks on them, and the one rule by which bytes move between a region and the heap.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/context.hpp"
#include "core/sanitizers/notes.hpp"
#include "core/slice.hpp"

namespace offshoot::detail {

struct stack;

/// Whether this library measures how much of its stack each greenlet uses: core/high_water.hpp.
#if defined(OFFSHOOT_HIGH_WATER)
inline constexpr bool measures_stacks = true;
#else
inline constexpr bool measures_stacks = false;
#endif
struct region_mark {
  stack* last = nullptr;  ///< who ran there last, unless it has gone
};
struct stack_mark {
  std::size_t deepest = 0;  ///< bytes in use, as found when it was followed by somebody else
};
struct no_region_mark {};
struct no_stack_mark {};

/// A contiguous range of addresses on which greenlets run: a thread's own stack, a lane, or a
/// dedicated one.
struct region {
  std::uintptr_t low = 0;   ///< lowest usable byte: below it lies a guard page or the unknown
  std::uintptr_t high = 0;  ///< stack_stop of whoever starts at its top
  /// Of the thread's transfer stack: where a switch to one that is not in place leads first.
  std::uintptr_t transfer_top = 0;
  /// The owner of the lowest bytes in place, from whom stack::previous leads upwards; null if there
  /// is none. While a greenlet of this region runs, that is itself.
  stack* head = nullptr;
  /// No byte at or above this address is ever in another's way: the highest stop of those that run
  /// here below somebody else's frames, or `high` if all start at the top.
  std::uintptr_t save_limit = 0;
  std::uint32_t users = 0;   ///< started and not yet finished greenlets that run here
  std::uint32_t nested = 0;  ///< those of them that began below somebody else's frames
  bool shared_top = false;   ///< a lane: many begin at the top, so save_limit stays at `high`
  /// A lane on which nobody runs below another's frames, and nobody wants to see bytes move.
  bool plain = false;
  unsigned valgrind_id = 0;  ///< while somebody may run here
  bool guarded = false;  ///< of one greenlet, and closed while that is suspended (core/guard.hpp)
  bool closed = false;   ///< inaccessible now
  [[no_unique_address]] std::conditional_t<measures_stacks, region_mark, no_region_mark> marked;
};

/// The part of a greenlet that moves. Its bytes are [sp(), stop); the lowest `saved.size()` of them
/// are in the slice and the rest is in place. While it is whole and lowest in its region, a switch
/// to it takes sp and ip from `registers` and is done. While it is not, it is *displaced*: there
/// `registers` leads to offshoot_fetch, and the real ones are in `home`.
struct stack : control_head {
  // In the order in which a switch that copies touches them, right behind what each touches.
  bool fresh = false;    ///< its first frame is still to be laid
  bool leaving = false;  ///< finished: its bytes are forgotten, though it still runs on them
  region* where = nullptr;
  struct {
    std::uintptr_t sp = 0;
    std::uintptr_t ip = 0;
  } home;
  /// Where its bytes end. Of one that has finished: how many it had at most, if that was measured.
  std::uintptr_t stop = 0;
  stack* previous = nullptr;          ///< stack_prev: the next owner above of bytes in place
  [[no_unique_address]] slice saved;  ///< last: there is room for three bytes behind it
  [[no_unique_address]] sanitizers::kept_notes watched;
  [[no_unique_address]] std::conditional_t<measures_stacks, stack_mark, no_stack_mark> marked;

  bool displaced() const noexcept {
    return registers.ip == reinterpret_cast<std::uintptr_t>(&offshoot_fetch);
  }
  /// It has a stack but has not run: its first frame is laid at most.
  bool unentered() const noexcept {
    return fresh || ip() == reinterpret_cast<std::uintptr_t>(&offshoot_start);
  }
  /// Its stack pointer and where it goes on, while it is suspended.
  std::uintptr_t sp() const noexcept { return displaced() ? home.sp : registers.sp; }
  std::uintptr_t ip() const noexcept { return displaced() ? home.ip : registers.ip; }
  /// Some of its bytes have gone, or others have come to lie below them.
  void displace() noexcept {
    if (displaced()) return;
    home = {registers.sp, registers.ip};
    registers.sp = where->transfer_top;
    registers.ip = reinterpret_cast<std::uintptr_t>(&offshoot_fetch);
  }
  /// It is whole again, and lowest.
  void settle() noexcept {
    registers.sp = home.sp;
    registers.ip = home.ip;
  }

  /// Where in its slice the lowest of its bytes lies, if that is out.
  std::byte* saved_bytes() const noexcept { return saved.buffer() + home.sp % slice::block; }
  std::uintptr_t lowest_in_place() const noexcept { return sp() + saved.size(); }
  /// The address from which on its bytes are in nobody's way.
  std::uintptr_t limit() const noexcept {
    return stop < where->save_limit ? stop : where->save_limit;
  }
  /// How much room its slice needs, if it suspends with this stack pointer: for all of its bytes
  /// that others may have to move, in whole blocks.
  std::uintptr_t at_stake(std::uintptr_t stack_pointer) const noexcept {
    const std::uintptr_t lowest = stack_pointer / slice::block * slice::block;
    return lowest < limit() ? limit() - lowest : 0;
  }
  /// Sets the bounds within which it may suspend: on its region, and no deeper than its slice can
  /// hold. That whoever suspends pays for its own room is why a later eviction cannot fail.
  void bound() noexcept {
    const std::uintptr_t high = round_up(limit(), slice::block);
    const std::uintptr_t lowest = std::min(high - saved.capacity(), stop);  // stop: it has no room
    registers.floor = lowest > where->low && lowest <= high ? lowest : where->low;
    registers.extent = stop - registers.floor;
  }
  /// The same for one that is new on a lane where nobody else is: its slice is its room, which a
  /// lane is larger than.
  void bound_alone() noexcept {
    registers.floor = stop - saved.capacity();
    registers.extent = saved.capacity();
  }
  /// Lets it leave from wherever it stands: its bytes are not needed again. Whatever the floor, no
  /// stack pointer is as odd as to be the one below it.
  void unbound() noexcept { registers.extent = UINTPTR_MAX; }
};

/// Only to be asked in a build that measures; compiled in all.
template <class Region>
stack*& last_in(Region& where) noexcept {
  if constexpr (measures_stacks) {
    return where.marked.last;
  } else {
    __builtin_unreachable();
  }
}
template <class Stack>
std::size_t& deepest_of(Stack& owner) noexcept {
  if constexpr (measures_stacks) {
    return owner.marked.deepest;
  } else {
    __builtin_unreachable();
  }
}

}  // namespace offshoot::detail
