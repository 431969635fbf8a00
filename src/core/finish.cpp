/// The two ends of a greenlet's life: its first frame, and where its result goes.
#include <offshoot/errors.hpp>

#include <atomic>
#include <utility>

#include "core/drop.hpp"
#include "core/guard.hpp"
#include "core/high_water.hpp"
#include "core/region_entry.hpp"
#include "core/sanitizers.hpp"
#include "core/switch.hpp"

namespace offshoot::detail {
namespace {

region& take_own(thread_state& here, const control_block& target, bool guarded) {
  const bool asked_for = target.chosen_placement == placement::dedicated;
  region& own = here.pool.take(asked_for ? target.stack_size()
                                         : guarded_stack_bytes(target.chosen_placement));
  if (!guarded) open_region(own);  // its last user may have left it closed
  own.guarded = guarded;
  own.transfer_top = here.transfer_stack.high();
  return own;
}

region& find_region(thread_state& here, const control_block& target) {
  if (here.guarded && is_guarded(target.chosen_placement)) return take_own(here, target, true);
  switch (target.chosen_placement) {
    case placement::dedicated:
      return take_own(here, target, false);
    case placement::nested:
      return *here.current->where;
    case placement::lane:
      break;
  }
  return here.lanes.choose(here.current->where, here.transfer_stack.high());
}

bool is_below_frames(const control_block& target, const region& where) noexcept {
  return target.chosen_placement == placement::nested && !where.guarded;
}

void forget_region(thread_state& here, control_block& target) noexcept {
  region& where = *target.where;
  leave_region(target, is_below_frames(target, where));
  if (where.users != 0) return;
  if (where.shared_top) {
    here.lanes.note_vacated(where);
  } else if (&where != &here.own_stack) {
    here.pool.put_back(where);
  }
}

/// A signal handler may go through the list at any time.
void link_live(thread_state& here, control_block& block) noexcept {
  control_block* const behind = here.live;
  block.previous_live = nullptr;
  block.next_live = behind;
  std::atomic_signal_fence(std::memory_order_release);
  here.live = &block;
  if (behind != nullptr) behind->previous_live = &block;
}

void make_active(thread_state& here, control_block& target) noexcept {
  link_live(here, target);
  target.start(key_of(&here));
}

void unlink_live(thread_state& here, control_block& block) noexcept {
  control_block* const before = block.previous_live;
  control_block* const behind = block.next_live;
  (before != nullptr ? before->next_live : here.live) = behind;
  if (behind != nullptr) behind->previous_live = before;
}

/// What the first switch leads to.
struct invocation {
  void (*invoke)(void* callable, value& transfer);
  void* callable;
};

// Three steps of offshoot_enter that are not compiled into it: its frame is part of every slice.
// Each of the first two has its rare half in a function that is the last thing it calls, so that
// the usual one needs no frame at all.

[[gnu::noinline]] invocation receive_with_care() {
  thread_state& here = *thread_state::here();
  control_block& self = *here.current;
  if (self.has(own_fp)) {
    store(here.environment);
    load(here.first_environment);
  }
  if (here.arrivals != 0) here.transfer.payload = arrive(here);
  return {self.operations->invoke, self.callable()};
}

/// What came with the first switch stays in the transfer slot.
[[gnu::noinline]] invocation receive_arguments() {
  const thread_state& here = *thread_state::here();
  control_block& self = *here.current;
  if (self.has(own_fp) || here.arrivals != 0) return receive_with_care();
  return {self.operations->invoke, self.callable()};
}

[[gnu::noinline]] void keep_exception() noexcept {
  thread_state::here()->transfer.error = std::current_exception();
}

/// It will not need its stack again, though it still runs on it.
void vacate(thread_state& here, control_block& self) noexcept {
  here.note_slice(self.stop - self.registers.sp);
  self.where->head = self.previous;  // its bytes are in nobody's way any more
}

/// The same for one that is to be buried by who comes next.
void become_corpse(thread_state& here, control_block& self) noexcept {
  vacate(here, self);
  self.leaving = true;
  self.unbound();
  here.corpse = &self;
}

[[gnu::noinline]] offshoot_departure leave_with_care() noexcept {
  thread_state& here = *thread_state::here();
  control_block& self = *here.current;
  delivery outcome = std::move(here.transfer);
  self.destroy_callable();  // while it can still switch: the destructors of captures are user code
  soften(outcome);
  control_block& to = receiver_of(here, self.parent_now(), outcome);
  become_corpse(here, self);
  here.arrivals |= chores;
  cross(here, to, std::move(outcome));
  fatal("a finished greenlet was switched to; please report this");
}

/// Whether one that needs no care can be buried while it still runs on its stack: then not a byte
/// of that or of its control block is needed any more when it goes to `next`.
bool can_bury_itself(const control_block& self, const control_block& next) noexcept {
  return !measures_stacks && self.chosen_placement == placement::lane && self.record == nullptr &&
         !self.saved.on_heap() && !self.has(borrows_parent) && !next.displaced();
}

[[gnu::noinline, gnu::cold]] offshoot_departure destroy_behind(control_block& self,
                                                               offshoot_departure last) noexcept {
  release(destroy(&self));
  return last;
}

/// Sees to it that the result gets where it is to go, and says where that is.
[[gnu::noinline]] offshoot_departure leave() noexcept {
  thread_state& here = *thread_state::here();
  control_block& self = *here.current;
  control_block* const parent = self.parent_now();
  if (self.operations->destroy != nullptr || here.transfer.error != nullptr ||
      !may_pass(&here, parent)) {
    return leave_with_care();
  }
  const bool returns = here.transfer.payload.has_value();
  if (!can_bury_itself(self, *parent)) {
    become_corpse(here, self);
    here.arrivals = returns ? delivered | chores : chores;
    here.current = parent;
    return {&parent->registers, &self.registers};
  }
  here.current = parent;
  vacate(here, self);
  region& where = *self.where;
  leave_region(self, false);
  if (where.users == 0) here.lanes.note_vacated(where);
  unlink_live(here, self);
  if (returns) here.arrivals = delivered;
  const offshoot_departure last{&parent->registers, returns ? &self.registers : nullptr};
  // Without a handle it would be an orphan, unless another thread has dropped that right now.
  const bool was_last = self.finish_and_drop();
  if (was_last) [[unlikely]]
    return destroy_behind(self, last);
  return last;
}

}  // namespace

void begin(thread_state& here, control_block& target) {
  if (reports_faults()) here.handler_stack.install();
  region& where = find_region(here, target);
  if (target.has(own_fp)) store(here.first_environment);
  enter_region(target, where, is_below_frames(target, where));
  make_ready(target);
  make_active(here, target);
}

namespace {

/// What `begin` does where nothing is unusual, and nothing in a function that it would have to
/// call. Whether that is so.
[[gnu::always_inline]] inline bool begin_quietly(thread_state& here,
                                                 control_block& target) noexcept {
  region* const vacated = here.lanes.vacated(here.current->where);
  const bool quick = target.operations->takes_nothing && vacated != nullptr && vacated->plain &&
                     target.chosen_placement == placement::lane && !reports_faults();
  if (!quick) return false;
  enter_region(target, *vacated, false);
  vacated->head = &target;
  lay_first_frame(target.stop, target.registers);
  target.bound_alone();
  make_active(here, target);
  return true;
}

}  // namespace

value start(thread_state& here, control_block* target) {
  if (!begin_quietly(here, *target)) {
    target->operations->check(value{});
    begin(here, *target);
  }
  control_block* to = target;
  const passage came = leave_for<passage::quiet>(here, to);
  if (came == passage::quiet) return value{};
  if (came == passage::laden) return arrive(here);
  return switch_refused(&here, target);
}

void undo_begin(thread_state& here, control_block& target) noexcept {
  if (target.where->head == &target) target.where->head = nullptr;
  unlink_live(here, target);
  target.undo_start();
  forget_region(here, target);
}

void bury(thread_state& here, control_block& corpse) noexcept {
  const std::size_t in_use = measures_stacks || here.guarded ? high_water(corpse) : 0;
  forget_region(here, corpse);
  unlink_live(here, corpse);
  corpse.stop = in_use;
  corpse.saved.release();
  if (corpse.record != nullptr) corpse.record.reset();
  if (corpse.has(borrows_parent)) {  // the lender may go now
    corpse.parent = here.main;
    corpse.parent->add_reference();
    corpse.clear(borrows_parent);
  }
  if (corpse.finish_and_drop()) release(destroy(&corpse));
}

void discard(thread_state& here, control_block& unstarted) noexcept {
  unstarted.add_reference();
  unstarted.finish();
  unstarted.destroy_callable();
  unstarted.link = std::exchange(here.discarded, &unstarted);  // last: arrivals release those
}

void release_discarded(thread_state& here) noexcept {
  while (control_block* each = here.discarded) {
    here.discarded = std::exchange(each->link, nullptr);
    release(each);
  }
}

void soften(delivery& what) noexcept {
  if (what.error == nullptr) return;
  try {
    std::rethrow_exception(what.error);
  } catch (const greenlet_exit& exit) {
    value softened(exit);
    keep_bytes(&softened);
    what.payload = std::move(softened);
    what.error = nullptr;
  } catch (...) {  // any other goes on as it is
  }
}

control_block& receiver_of(thread_state& here, control_block* first, delivery& what) noexcept {
  for (control_block* to = first;; to = to->parent_now()) {
    // A parent that went to another thread, or whose thread has ended: the main greenlet of this
    // one is always live (S12).
    if (to == nullptr || (to->state() != life::finished && to->serial != here.serial))
      return *here.main;
    switch (to->state()) {
      case life::active:
        return *to;
      case life::finished:
        break;
      case life::unstarted:
        if (what.error != nullptr) {
          discard(here, *to);
          break;
        }
        try {
          to->operations->check(what.payload);
          begin(here, *to);
          return *to;
        } catch (...) {
          what.payload.reset();
          what.error = std::current_exception();
        }
    }
  }
}

}  // namespace offshoot::detail

// Its frame is part of every slice: nothing is alive in it while the run function runs.
extern "C" OFFSHOOT_CALLED_BY_ASSEMBLY offshoot_departure offshoot_enter() noexcept {
  using namespace offshoot::detail;
  sanitizers::arrive(*thread_state::here()->current);
  try {
    const invocation run = receive_arguments();
    run.invoke(run.callable, thread_state::here()->transfer.payload);
  } catch (...) {
    keep_exception();
  }
  return leave();
}
