#include "core/stack.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/copy.hpp"
#include "core/guard.hpp"
#include "core/high_water.hpp"
#include "core/region_entry.hpp"
#include "core/sanitizers.hpp"
#include "core/thread_state.hpp"

namespace offshoot::detail {
namespace {

[[gnu::cold, noreturn]] void die_of_a_small_slice() noexcept {
  std::fputs("offshoot: a slice is smaller than its stack; please report this\n", stderr);
  std::abort();
}

/// So many bytes of one stack leave it for another's. Those that come back have left before.
[[gnu::always_inline]] inline void count_eviction(std::size_t bytes) noexcept {
  copy_counts& counted = thread_state::here()->copies;
  ++counted.evictions;
  counted.bytes += bytes;
}

/// `owner` is back in place. What bounds it on a lane has not changed since it bounded itself last,
/// unless its buffer has gone.
[[gnu::noinline]] void settle_large(stack& owner) noexcept {
  if (owner.saved.clear()) owner.bound();
}

/// Copies the bytes of `owner` from `low`, where its slice ends, up to `limit` out.
inline void save(stack& owner, std::uintptr_t low, std::uintptr_t limit) noexcept {
  const std::size_t bytes = limit - low;
  const std::size_t size = owner.saved.size();
  if (!owner.saved.has_room_for(owner.home.sp, limit)) [[unlikely]]
    die_of_a_small_slice();
  owner.saved.set_size(size + bytes);
  count_eviction(bytes);
  sanitizers::copy_out(owner, owner.saved_bytes() + size, low, bytes);
  sanitizers::moved(owner);
}

/// The rule: whatever lies in the way of `target` is saved up to its stop, and then its own bytes
/// come back. Lanes and dedicated stacks are the cases where all stops coincide.
inline void bring_in(stack& target) noexcept {
  region& where = *target.where;
  stack* owner = std::exchange(where.head, &target);
  while (owner != &target) {
    if (owner != nullptr) {
      const std::uintptr_t low = owner->lowest_in_place();
      owner->displace();  // saved, or somebody will lie below it
      if (low < target.stop && owner->stop <= target.stop) {
        save(*owner, low, owner->stop);
        owner = std::exchange(owner->previous, nullptr);
        continue;
      }
      if (low < target.stop) save(*owner, low, target.stop);  // straddles: its upper part stays
    }
    target.previous = owner;
    break;
  }
  take_over(where, target, target.home.sp);
  target.settle();
  sanitizers::copy_in(target);
  // What bounds it on a lane has not changed since it bounded itself last.
  if (target.saved.clear() || !where.shared_top) target.bound();
}

/// The rule where it is simplest: on a plain lane, one who lies there whole and one who is out
/// whole change places. Both reach up to the top, so it is a walk of one step, and what else is in
/// their lowest blocks lies below and is nobody's. False, with nothing done, if this is not so.
[[gnu::always_inline]] inline bool change_places(stack& in) noexcept {
  region& where = *in.where;
  if (!where.plain || in.saved.size() == 0) return false;  // the latter: it is yet to begin
  if (where.head == nullptr || where.head->registers.ip == in.registers.ip) return false;
  stack& out = *where.head;
  const std::uintptr_t sp = out.registers.sp;
  const std::uintptr_t top = in.stop;  // where.high, and not as long a way to go for it
  if (!out.saved.has_room_for(sp, top)) [[unlikely]]
    die_of_a_small_slice();
  out.home = {sp, out.registers.ip};
  out.registers.sp = in.registers.sp;  // whoever is displaced has the same two
  out.registers.ip = in.registers.ip;
  out.saved.set_size(top - sp);
  count_eviction(top - sp);
  in.settle();
  where.head = &in;
  exchange_blocks(top, sp, out.saved.buffer(), in.home.sp, in.saved.buffer());
  if (in.saved.is_large()) [[unlikely]] {
    settle_large(in);
  } else {
    in.saved.clear();
  }
  return true;
}

/// In guarded mode, only who runs can touch its stack.
[[gnu::cold]] void pass_guard(region& from, region& to) noexcept {
  if (from.guarded) close_region(from);
  if (to.guarded) open_region(to);
}

/// The rule for one that is yet to begin: there is nothing to bring back.
void bring_in_fresh(stack& target, const stack& starter) noexcept {
  if (target.stop == 0) {  // nested: right below the frames of whoever starts it
    // A finished greenlet's frames are in nobody's way: its place is taken, so that a chain of
    // greenlets that finish one into the next does not grow (S14).
    target.stop =
        starter.leaving ? starter.stop : starter.registers.sp / stack_alignment * stack_alignment;
    region& where = *target.where;
    if (!where.shared_top && target.stop > where.save_limit) where.save_limit = target.stop;
  }
  target.home.sp = target.stop;
  bring_in(target);
  lay_frame(target);
}

void move_with_care(stack& to, stack& from) noexcept {
  if (from.where->guarded || to.where->guarded) [[unlikely]]
    pass_guard(*from.where, *to.where);
  if (from.leaving) sanitizers::vacate(from);
  if (to.fresh) {
    bring_in_fresh(to, from);
  } else {
    bring_in(to);
  }
}

/// Where slices begin, and about as far as most of them reach: of many, this one's is not in the
/// caches. Nothing that is known of it is looked at, since that is not there yet either.
[[gnu::always_inline]] inline void prefetch_slice(const stack& of) noexcept {
  constexpr std::size_t usual_bytes = 256;
  const auto* const room = reinterpret_cast<const std::byte*>(&of) + sizeof(control_block);
  for (std::size_t at = 0; at < usual_bytes; at += cache_line) __builtin_prefetch(room + at);
}

// The shortcut twice, so that wide moves are used where the CPU has them.

[[gnu::noinline]] void move(stack& to, stack& from) noexcept {
  if (!change_places(to)) move_with_care(to, from);
}
[[gnu::noinline]] OFFSHOOT_WIDE_MOVES void move_wide(stack& to, stack& from) noexcept {
  if (!change_places(to)) move_with_care(to, from);
}

}  // namespace

}  // namespace offshoot::detail

extern "C" OFFSHOOT_CALLED_BY_ASSEMBLY void offshoot_move(
    offshoot::detail::context* to_registers, offshoot::detail::context* from_registers) noexcept {
  using namespace offshoot::detail;
  stack& to = *reinterpret_cast<stack*>(to_registers);
  stack& from = *reinterpret_cast<stack*>(from_registers);
  prefetch_slice(to);
  if (has_wide_moves) {
    move_wide(to, from);
  } else {
    move(to, from);
  }
}
