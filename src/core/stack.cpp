#include "core/stack.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include OFFSHOOT_ARCH_HEADER

namespace offshoot::detail {
namespace {

/// Copies the bytes of `owner` below `limit` out. They continue what its slice already holds.
void save_up_to(stack& owner, std::uintptr_t limit) noexcept {
  const std::uintptr_t low = owner.lowest_in_place();
  const std::size_t bytes = limit - low;
  const std::size_t size = owner.saved.size();
  if (size + bytes > owner.saved.capacity()) {
    std::fputs("offshoot: a slice is smaller than its stack; please report this\n", stderr);
    std::abort();
  }
  std::memcpy(owner.saved.data() + size, reinterpret_cast<const void*>(low), bytes);
  owner.saved.set_size(size + bytes);
}

/// The rule: whatever lies in the way of `target` is saved up to its stop, and then its own bytes
/// come back. Lanes and dedicated stacks are the cases where all stops coincide.
inline void bring_in(stack& target) noexcept {
  region& where = *target.where;
  stack* owner = where.head;
  while (owner != nullptr && owner != &target && owner->lowest_in_place() < target.stop) {
    owner->fast |= stack::out;
    if (owner->stop > target.stop) {  // straddles: its upper part stays
      save_up_to(*owner, target.stop);
      break;
    }
    save_up_to(*owner, owner->stop);
    owner = std::exchange(owner->previous, nullptr);
  }
  if (owner != &target) {
    if (owner != nullptr) owner->fast |= stack::out;  // somebody will lie below it
    target.previous = owner;
  }
  where.head = &target;
  target.fast &= ~stack::out;

  std::memcpy(reinterpret_cast<void*>(target.registers.sp), target.saved.data(),
              target.saved.size());
  target.saved.clear();
}

}  // namespace

void stack::bound() noexcept {
  const std::uintptr_t limit = stop < where->save_limit ? stop : where->save_limit;
  const std::uintptr_t lowest = limit - saved.capacity();
  registers.floor = lowest > where->low && lowest <= limit ? lowest : where->low;
  registers.extent = stop - registers.floor;
}

void enter_region(stack& owner, region& where, bool below_frames) noexcept {
  owner.where = &where;
  owner.fresh = true;
  owner.stop = below_frames ? 0 : where.high;
  ++where.users;
  if (below_frames) ++where.nested;
}

void leave_region(stack& owner, bool below_frames) noexcept {
  region& where = *owner.where;
  --where.users;
  if (below_frames && --where.nested == 0 && !where.shared_top) where.save_limit = where.low;
  owner.where = nullptr;
  owner.fresh = false;
}

}  // namespace offshoot::detail

extern "C" void offshoot_move(offshoot::detail::context* to_registers,
                              offshoot::detail::context* from_registers) noexcept {
  using namespace offshoot::detail;
  stack& to = *reinterpret_cast<stack*>(to_registers);
  const stack& from = *reinterpret_cast<stack*>(from_registers);
  const bool fresh = to.fresh;
  if (fresh) {
    if (to.stop == 0) {  // nested: right below the frames of whoever starts it
      // A finished greenlet's frames are in nobody's way: its place is taken, so that a chain of
      // greenlets that finish one into the next does not grow (S14).
      to.stop = from.leaving ? from.stop : from.registers.sp / stack_alignment * stack_alignment;
      if (!to.where->shared_top && to.stop > to.where->save_limit) to.where->save_limit = to.stop;
    }
    to.registers.sp = to.stop;  // nothing to bring back
  }
  bring_in(to);
  if (fresh) {
    to.registers.sp = lay_first_frame(to.stop, &to);
    to.fresh = false;
  }
  to.bound();
}
