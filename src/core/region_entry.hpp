/// How a stack comes to its region, and how it goes. Compiled into the two ends of a greenlet's
/// life, which most greenlets reach soon.
#pragma once

#include OFFSHOOT_ARCH_HEADER
#include "core/high_water.hpp"
#include "core/sanitizers.hpp"
#include "core/stack.hpp"

namespace offshoot::detail {

/// Binds a stack that is yet to start to its region. One that begins below another's frames gets
/// its stop only when that other's stack pointer is known.
inline void enter_region(stack& owner, region& where, bool below_frames) noexcept {
  owner.where = &where;
  owner.stop = below_frames ? 0 : where.high;
  ++where.users;
  if (below_frames) {
    ++where.nested;
    where.plain = false;
  }
}

/// It has its stop, and nobody else has bytes below that.
inline void lay_frame(stack& owner) noexcept {
  if (valgrind::checks_memory) [[unlikely]]
    valgrind::open(owner.stop - frame_bytes<first_frame>, frame_bytes<first_frame>);
  lay_first_frame(owner.stop, owner.registers);
  owner.bound();
  owner.fresh = false;
}

/// Readies it for the first switch. If nobody has bytes in place there, its first frame is laid now
/// and that switch takes nothing but registers; else offshoot_move does both.
inline void make_ready(stack& owner) noexcept {
  region& where = *owner.where;
  if (owner.stop == 0 || where.head != nullptr || where.guarded || sanitizers::present) {
    owner.fresh = true;
    owner.displace();
  } else {
    where.head = &owner;
    take_over(where, owner, owner.stop);
    lay_frame(owner);
  }
}

/// Ends what `enter_region` began, whether the greenlet has run or not.
inline void leave_region(stack& owner, bool below_frames) noexcept {
  region& where = *owner.where;
  --where.users;
  if (below_frames && --where.nested == 0) {
    if (where.shared_top) {
      where.plain = !sanitizers::see_copies();
    } else {
      where.save_limit = where.low;
    }
  }
  forget_last(where, owner);
  owner.where = nullptr;
  owner.fresh = false;
  sanitizers::forget(owner);
  owner.stop = 0;
  owner.registers.ip = 0;  // not displaced: it may begin again, on another thread
}

}  // namespace offshoot::detail
