#include "core/thread_state.hpp"

#include <offshoot/errors.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <pthread.h>

#include "core/drop.hpp"
#include "core/guard.hpp"
#include "core/region_entry.hpp"
#include "core/sanitizers/valgrind.hpp"
#include "core/thread_registry.hpp"

namespace offshoot::detail {

thread_local constinit thread_head* this_thread = nullptr;

namespace {

constexpr std::size_t transfer_stack_bytes = std::size_t{64} << 10;
constexpr std::size_t first_room = 256;
constexpr std::size_t largest_room = 1024;

/// Set once this thread has unwound its greenlets: it shall not begin anew.
thread_local constinit bool thread_is_ending = false;

/// Unwinds the thread's greenlets when its thread_local objects are destroyed (S23).
struct thread_end {
  ~thread_end() {
    thread_state& state = *thread_state::here();
    thread_is_ending = true;
    // exit() was called in a greenlet: its frames, and others', are still to be returned to.
    if (state.current != state.main) return;
    unwind_all(state);
    state.lanes.release();
    state.pool.open_idle();
    state.pool = stack_pool();
    valgrind::forget_stack(state.transfer_stack_id);
    state.transfer_stack = mapping();
    state.handler_stack.remove();
    state.typical_slice = first_room;
    state.largest_recent_slice = 0;
    state.last_missing_slice = 0;
    state.copies = {};
    state.blocks.release();
    this_thread = nullptr;
    release_queue(registry::delist(state));
  }
};

control_block* make_main(thread_state& state) {
  locate_own_stack(state.own_stack);
  state.own_stack.transfer_top = state.transfer_stack.high();
  state.own_stack.save_limit = state.own_stack.low;
  const options chosen{.where = placement::dedicated};
  control_block* main = control_block::make(state, nullptr, &chosen, 0);
  main->set(main_greenlet);
  main->serial = state.serial;
  main->start(key_of(&state));
  sanitizers::know(state.own_stack);
  enter_region(*main, state.own_stack, false);
  state.own_stack.head = main;
  main->bound();
  return main;
}

}  // namespace

thread_state& thread_state::make_for_this_thread() {
  if (thread_is_ending) {
    throw not_startable("offshoot: this thread is ending and has unwound its greenlets already");
  }
  if (shadow_stack_active()) {
    throw not_startable(
        "offshoot: a shadow stack is active on this thread; run the program without");
  }
  thread_state& state = registry::enlist();
  try {
    state.exceptions = thread_exception_state();
    state.typical_slice = first_room;
    state.transfer_stack = mapping(page_size() + transfer_stack_bytes);
    install_guard(state.transfer_stack.low());
    state.transfer_stack_id =
        valgrind::know_stack(state.transfer_stack.low() + page_size(), state.transfer_stack.high());
    state.guarded = guarding() != guard_mode::off;
    if (state.guarded) report_faults();
    if (reports_faults()) state.handler_stack.install();
    state.main = make_main(state);
  } catch (...) {
    state.transfer_stack = mapping();
    state.handler_stack.remove();
    registry::delist(state);
    throw;
  }
  state.current = state.main;
  state.look_at_current();
  this_thread = &state;
  thread_local thread_end at_end;
  static_cast<void>(at_end);
  return state;
}

control_block* thread_state::owner_of(std::uintptr_t address) const noexcept {
  for (control_block* each = live; each != nullptr; each = each->next_live) {
    const region& own = *each->where;
    const bool shared = own.shared_top || own.nested != 0 || &own == &own_stack;
    if (!shared && address >= own.low && address < own.high) return each;
  }
  return nullptr;
}

void thread_state::look_at_slices() noexcept {
  constexpr unsigned enough = 64;
  if (slices_since_look < enough) return;
  typical_slice = std::min(slice::room_for(largest_recent_slice), largest_room);
  largest_recent_slice = 0;
  slices_since_look = 0;
}

void thread_state::note_larger_slice(std::size_t bytes) noexcept {
  const std::size_t both = std::min(bytes, std::exchange(last_missing_slice, bytes));
  if (both <= largest_room) typical_slice = std::max(typical_slice, slice::room_for(both));
}

void locate_own_stack(region& own) {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) throw std::bad_alloc();
  void* low = nullptr;
  std::size_t bytes = 0;
  pthread_attr_getstack(&attributes, &low, &bytes);
  pthread_attr_destroy(&attributes);
  own.low = reinterpret_cast<std::uintptr_t>(low);
  own.high = own.low + bytes;
}

}  // namespace offshoot::detail
