#include "core/switch.hpp"

#include <offshoot/errors.hpp>

#include <new>
#include <utility>

#include "core/drop.hpp"
#include "core/sanitizers.hpp"
#include "core/trace.hpp"

namespace offshoot::detail {
namespace {

/// What is per greenlet though the processor or the runtime has it per thread. Lies in the frame in
/// which its greenlet waits: that puts it back itself, however it is switched to, and one that has
/// left by registers alone had none.
class set_aside {
 public:
  /// Leaves the thread with no exceptions and its own floating-point environment.
  set_aside(thread_state& here, const control_block& self) noexcept
      : exceptions_(std::exchange(*here.exceptions, {})) {
    if (!self.has(own_fp)) return;
    store(environment_);
    load(here.environment);
  }
  void put_back(thread_state& here, const control_block& self) const noexcept {
    *here.exceptions = exceptions_;
    if (!self.has(own_fp)) return;
    store(here.environment);
    load(environment_);
  }

 private:
  exception_state exceptions_;
  fp_environment environment_;
};

void make_current(thread_state& here, control_block& next) noexcept {
  here.current = &next;
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

/// Nothing of the switch was done but the notes for whoever would have arrived.
void undo(thread_state& here, control_block& from, control_block& to) noexcept {
  here.arrivals = 0;
  if (std::exchange(here.released, nullptr) != nullptr) from.set(orphan);
  make_current(here, from);
  if (to.unentered()) undo_begin(here, to);  // a signal handler may look at who is current
  delivery unsent = std::move(here.transfer);
}

[[gnu::noinline]] void do_chores(thread_state& here) noexcept {
  control_block* corpse = std::exchange(here.corpse, nullptr);
  control_block* released = std::exchange(here.released, nullptr);
  if (corpse != nullptr) bury(here, *corpse);
  if (here.discarded != nullptr) release_discarded(here);
  if (released != nullptr && released->references() == 1) kill(here, *released);
}

/// What `arrive` does of all that there can be.
[[gnu::noinline]] value look_after(thread_state& here, unsigned arrivals) {
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
  if (live == nullptr || live->serial != here.serial) throw_wrong_thread(live, "switched to");
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

/// A switch by registers alone was refused, so the slice is too small: the next greenlets are given
/// as much room as would have been enough.
void note_missing(thread_state& here) noexcept {
  here.note_larger_slice(here.current->at_stake(here.current->registers.sp));
}

/// Switches by registers alone, to one that this thread may pass to. `refused` if the slice is too
/// small, with nothing changed.
inline passage pass(thread_state& here, control_block* to, value& payload) noexcept {
  here.transfer.payload = std::move(payload);
  here.arrivals = delivered;
  const passage came = leave_for<passage::laden>(here, to);
  if (came == passage::refused) {
    note_missing(here);
    here.arrivals = 0;
    payload = std::move(here.transfer.payload);
  }
  return came;
}

/// Whether `target`, which may be null, is to be started here, and nothing else has to be looked
/// at.
bool may_start(const thread_state* here, const control_block* target) noexcept {
  return here != nullptr && target != nullptr && target->state() == life::unstarted &&
         target->serial == here->serial && (target->marks & slow_marks) == 0 && here->quiet();
}

/// To one that is not active, or not by registers alone.
[[gnu::noinline]] value switch_slowly(control_block* target, value&& payload) {
  thread_state& here = ready_to_leave(target);
  control_block& to = live_on(here, target);
  if (to.state() == life::unstarted) {
    to.operations->check(payload);
    begin(here, to);
    if ((to.marks & slow_marks) == 0 && here.quiet()) {
      const passage came = pass(here, &to, payload);
      if (came == passage::laden) return arrive(here);
      if (came == passage::quiet) return value{};
    }
  }
  if (&to == here.current) return std::move(payload);
  return go(here, to, delivery{std::move(payload), nullptr});
}

/// A throw into a greenlet that does not run yet, or any more, cannot be undone once begun: makes
/// sure first that the current greenlet can leave from a little below here.
void reserve_room(thread_state& here) {
  constexpr std::uintptr_t frames_to_come = 1024;
  control_block& from = *here.current;
  const auto sp = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - frames_to_come;
  if (sp < from.where->low || sp >= from.stop) throw_foreign_stack();
  const std::uintptr_t needed = from.at_stake(sp);
  if (needed > from.saved.capacity() && !from.saved.grow(needed)) throw std::bad_alloc();
}

}  // namespace

void require_ours(control_block* target) {
  thread_head* const here = this_thread;
  if (target != nullptr && target->owner_key.load(std::memory_order_relaxed) == key_of(here))
    return;
  dereference(target);
  live_on(thread_state::get(), target);
}

value switch_refused(thread_state* here, control_block* target) {
  if (may_pass(here, target)) note_missing(*here);
  return switch_slowly(target, value{});
}

// Each of these calls is the last thing that it does, so that it needs no frame.
value attend(control_block* target, passage came) {
  thread_state* const here = thread_state::here();
  if (came == passage::laden) return arrive(*here);
  if (may_start(here, target)) return start(*here, target);
  return switch_refused(here, target);
}

void attend_only(control_block* target, passage came) {
  static_cast<void>(attend(target, came));
}

value switch_with(control_block* target, value&& payload) {
  thread_state* const here = thread_state::here();
  if (may_pass(here, target)) {
    const passage came = pass(*here, target, payload);
    if (came == passage::laden) return arrive(*here);
    if (came == passage::quiet) return value{};
  }
  return switch_slowly(target, std::move(payload));
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
    to = &receiver_of(here, target->parent_now(), what);
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
  const set_aside own(here, from);
  make_current(here, to);
  for (;;) {
    // On the transfer stack, stacks are closed and opened, and what the last frames of one that
    // leaves for good have left for AddressSanitizer is swept up.
    if (here.guarded || (sanitizers::present && from.leaving)) to.displace();
    if (!to.displaced()) to.bound();
    sanitizers::leave(from, to);
    if (offshoot_switch(&to.registers, &from.registers, passage::laden) != passage::refused) {
      sanitizers::arrive(from);
      own.put_back(here, from);
      if ((from.marks & slow_marks) != 0) here.look_at_current();
      return crossing::arrived;
    }
    sanitizers::stay(from);
    const crossing outcome = make_room(from);
    if (outcome != crossing::arrived) {
      own.put_back(here, from);
      undo(here, from, to);
      return outcome;
    }
  }
}

value arrive(thread_state& here) {
  const unsigned arrivals = std::exchange(here.arrivals, 0);
  if (arrivals == delivered && here.transfer.error == nullptr) {
    return std::move(here.transfer.payload);
  }
  if (arrivals == chores) {
    do_chores(here);
    return value{};
  }
  return look_after(here, arrivals);
}

}  // namespace offshoot::detail
