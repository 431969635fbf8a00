#include "core/switch.hpp"

#include <offshoot/errors.hpp>

#include <new>
#include <utility>

#include "core/drop.hpp"
#include "core/trace.hpp"

namespace offshoot::detail {
namespace {

/// Swaps what is per greenlet and not on its stack. Its own inverse. What `to` had stored is taken
/// away from it: it may leave by the fast path next time, which stores nothing.
void hand_over(thread_state& here, control_block& from, control_block& to) noexcept {
  from.exceptions = std::exchange(*here.exceptions, std::exchange(to.exceptions, {}));
  if (((from.marks | to.marks) & own_fp) != 0) {
    store(from.has(own_fp) ? from.environment : here.environment);
    load(to.has(own_fp) ? to.environment : here.environment);
  }
  const std::uintptr_t key = key_of(&here);
  const auto plain = [](const control_block& one) { return (one.marks & slow_marks) == 0; };
  from.fast = plain(from) && from.exceptions.idle() ? key : stack::never;
  to.fast = plain(to) ? key : stack::never;
  here.current = &to;
  here.look_at_current();
}

/// The current greenlet was refused at the stack pointer that its registers.sp tells. Makes room,
/// if that is what is missing.
crossing make_room(control_block& from) noexcept {
  const std::uintptr_t sp = from.registers.sp;
  if (from.has(main_greenlet) && (sp < from.where->low || sp >= from.stop)) {
    region now;
    try {
      locate_own_stack(now);
    } catch (const std::bad_alloc&) {
      return crossing::no_memory;
    }
    from.where->low = now.low;  // the main thread's stack may have been allowed to grow
  }
  if (sp < from.where->low || sp >= from.stop) return crossing::foreign_stack;
  const std::uintptr_t needed = from.at_stake(sp);
  if (needed > from.saved.capacity() && !from.saved.grow(needed)) return crossing::no_memory;
  from.bound();
  return crossing::arrived;
}

/// Nothing of the switch was done but the hand-over and the notes for whoever would have arrived.
void undo(thread_state& here, control_block& from, control_block& to) noexcept {
  hand_over(here, to, from);
  to.fast = stack::never;  // true or not, the slow path will know
  if (to.fresh) undo_begin(here, to);
  here.arrivals = 0;
  if (std::exchange(here.released, nullptr) != nullptr) from.set(orphan);
  here.look_at_current();
  delivery unsent = std::move(here.transfer);
}

void do_chores(thread_state& here) noexcept {
  control_block* corpse = std::exchange(here.corpse, nullptr);
  control_block* released = std::exchange(here.released, nullptr);
  release_discarded(here);
  if (corpse != nullptr) bury(here, *corpse);
  if (released != nullptr && released->references() == 1) kill(here, *released);
}

/// What must hold before a switch or throw may be looked at further.
thread_state& ready_to_leave(control_block* target) {
  dereference(target);
  thread_state& here = thread_state::get();
  drain_queue(here);
  if (here.current->has(dying)) refuse_to_suspend(here, *here.current);
  return here;
}

control_block& live_on(thread_state& here, control_block* target) {
  control_block* live = nearest_live(target);
  if (live == nullptr || live->home != here.serial) throw_wrong_thread(live, "switched to");
  return *live;
}

[[noreturn]] void throw_foreign_stack() {
  throw greenlet_error(
      "offshoot: a switch must be made on the current greenlet's own stack; this is another one, "
      "such as the alternate stack of a signal handler or a stack that some other library switched "
      "to");
}

value go(thread_state& here, control_block& to, delivery&& what) {
  switch (cross(here, to, std::move(what))) {
    case crossing::no_memory:
      throw std::bad_alloc();
    case crossing::foreign_stack:
      throw_foreign_stack();
    case crossing::arrived:
      break;
  }
  return arrive(here);
}

/// The part of a switch that may throw; its frame is gone when the switch is made.
[[gnu::noinline]] control_block& prepare(control_block* target, const value& payload) {
  thread_state& here = ready_to_leave(target);
  control_block& to = live_on(here, target);
  if (to.state() == life::unstarted) {
    to.operations->check(payload);
    begin(here, to);
  }
  return to;
}

[[gnu::noinline]] void switch_slowly(control_block* target, value& payload) {
  control_block& to = prepare(target, payload);
  thread_state& here = *this_thread_state;
  if (&to != here.current) payload = go(here, to, delivery{std::move(payload), nullptr});
}

/// A throw into a greenlet that does not run yet, or any more, cannot be undone once begun: makes
/// sure first that the current greenlet can leave from a little below here.
void reserve_room(thread_state& here) {
  constexpr std::uintptr_t frames_to_come = 1024;
  control_block& from = *here.current;
  const auto sp = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - frames_to_come;
  if (sp < from.where->low || sp >= from.stop) throw_foreign_stack();
  const std::uintptr_t needed = from.at_stake(sp);
  if (needed <= from.saved.capacity()) return;
  if (!from.saved.grow(needed)) throw std::bad_alloc();
  from.bound();
}

/// Whether the current greenlet can be left with nothing to be looked at or swapped.
bool quiet(const thread_state& here) noexcept {
  return (here.attention.load(std::memory_order_relaxed) | here.exceptions->uncaught |
          reinterpret_cast<std::uintptr_t>(here.exceptions->caught)) == 0;
}

}  // namespace

void require_ours(control_block* target) {
  thread_state* const here = this_thread_state;
  if (target != nullptr && (target->fast & ~stack::out) == key_of(here)) return;
  dereference(target);
  live_on(thread_state::get(), target);
}

// In these the switch is the last thing done, so that a compiler makes it a jump, and whoever comes
// back finds no frame of ours on its way.

namespace {

/// Not in place, perhaps. A function of its own, so that the comparison of `fast` in the one below
/// stays off the way from the handle to the stack pointer.
[[gnu::noinline]] void switch_empty_via(control_block* target, value& payload) {
  thread_state* const here = this_thread_state;
  if (target == nullptr || target->fast != (key_of(here) | stack::out) || !quiet(*here)) {
    return switch_slowly(target, payload);
  }
  control_block* const from = std::exchange(here->current, target);
  offshoot_switch_via(&target->registers, &payload, &from->registers, here->transfer_stack_top(),
                      0);
}

}  // namespace

void switch_empty(control_block* target, value& payload) {
  thread_state* const here = this_thread_state;
  if (target == nullptr || target->fast != key_of(here) || !quiet(*here)) [[unlikely]] {
    return switch_empty_via(target, payload);
  }
  control_block* const from = std::exchange(here->current, target);
  offshoot_pass(&target->registers, &payload, &from->registers);
}

void switch_with(control_block* target, value& payload) {
  thread_state* const here = this_thread_state;
  if (target == nullptr || (target->fast & ~stack::out) != key_of(here) || !quiet(*here)) {
    return switch_slowly(target, payload);
  }
  control_block* const from = std::exchange(here->current, target);
  here->transfer.payload = std::move(payload);
  here->arrivals = delivered;
  if ((target->fast & stack::out) == 0) {
    offshoot_switch(&target->registers, &payload, &from->registers);
  } else {
    offshoot_switch_via(&target->registers, &payload, &from->registers, here->transfer_stack_top(),
                        here->arrivals);
  }
}

value throw_in(control_block* target, std::exception_ptr exception) {
  if (exception == nullptr) {
    throw greenlet_error(
        "offshoot: throw_in needs an exception, and this std::exception_ptr is null");
  }
  thread_state& here = ready_to_leave(target);
  live_on(here, target);
  delivery what{value{}, std::move(exception)};
  control_block* to = target;
  if (!target->active()) {
    reserve_room(here);
    if (target->state() == life::unstarted) discard(here, *target);
    soften(what);
    to = &receiver_of(here, target->parent, what);
  }
  if (to == here.current) {
    release_discarded(here);
    if (what.error != nullptr) std::rethrow_exception(std::move(what.error));
    return std::move(what.payload);
  }
  return go(here, *to, std::move(what));
}

crossing cross(thread_state& here, control_block& to, delivery&& what) noexcept {
  control_block& from = *here.current;
  here.transfer = std::move(what);
  here.arrivals |= delivered;
  if (here.trace != nullptr && !here.tracing_now) {
    here.arrivals |= traced;
    here.departed = &from;
    here.event = here.transfer.error != nullptr ? trace_event::thrown : trace_event::switched;
  }
  if (from.has(orphan) && !from.leaving) {
    from.clear(orphan);
    here.released = &from;
    here.arrivals |= chores;
  }
  if (here.discarded != nullptr) here.arrivals |= chores;
  hand_over(here, from, to);
  for (;;) {
    if (to.ready()) {
      to.bound();
      offshoot_switch(&to.registers, nullptr, &from.registers);
    } else {
      offshoot_switch_via(&to.registers, nullptr, &from.registers, here.transfer_stack_top(),
                          here.arrivals);
    }
    if (!from.registers.refused()) return crossing::arrived;
    const crossing outcome = make_room(from);
    if (outcome != crossing::arrived) {
      undo(here, from, to);
      return outcome;
    }
  }
}

value arrive(thread_state& here) {
  const unsigned arrivals = std::exchange(here.arrivals, 0);
  delivery got = std::move(here.transfer);
  if ((arrivals & traced) != 0) {
    const greenlet from = access::share(here.departed);  // before it is buried
    const trace_event event = here.event;
    if ((arrivals & chores) != 0) do_chores(here);
    trace_arrival(here, event, from, got);
  } else if ((arrivals & chores) != 0) {
    do_chores(here);
  }
  if (got.error != nullptr) std::rethrow_exception(std::move(got.error));
  return std::move(got.payload);
}

control_block* nearest_live(control_block* first) noexcept {
  while (first != nullptr && first->state() == life::finished) first = first->parent;
  return first;
}

}  // namespace offshoot::detail

extern "C" void offshoot_arrive(void* slot) {
  using namespace offshoot::detail;
  thread_state& here = *this_thread_state;
  if (here.arrivals != 0) *static_cast<offshoot::value*>(slot) = arrive(here);
}

extern "C" void offshoot_refused(offshoot::detail::context* to, void* slot,
                                 offshoot::detail::context* from) {
  using namespace offshoot::detail;
  const auto block = [](context* registers) {
    return static_cast<control_block*>(reinterpret_cast<stack*>(registers));
  };
  thread_state& here = *this_thread_state;
  auto& payload = *static_cast<offshoot::value*>(slot);
  here.current = block(from);
  // What the usual switch needs; the one below is made from deeper frames.
  here.note_larger_slice(block(from)->at_stake(from->sp));
  if (here.arrivals != 0) payload = std::move(here.transfer.payload);
  here.arrivals = 0;
  switch_slowly(block(to), payload);
}
