#include "hub/scheduler.hpp"

#include <offshoot/hub/timeout.hpp>

#include <algorithm>
#include <memory>
#include <utility>

#include "hub/unhandled.hpp"
#include "hub/waits.hpp"

namespace offshoot::detail {
namespace {

thread_local constinit scheduler* this_scheduler = nullptr;
/// Set once the thread's end has begun: no hub shall be made any more.
thread_local constinit bool thread_is_ending = false;

/// The main greenlet's record owns the hub.
struct main_record final : record {
  main_record(control_block* owner, std::unique_ptr<scheduler> hub) noexcept
      : record(owner), hub_(std::move(hub)) {}

 private:
  std::unique_ptr<scheduler> hub_;
};

// Not inlined: the frames of those that wait are what an idle greenlet costs.

[[noreturn, gnu::noinline, gnu::cold]] void throw_pending(record& self) {
  self.unlink();
  std::rethrow_exception(std::exchange(self.pending, nullptr));
}

[[noreturn, gnu::noinline, gnu::cold]] void throw_not_woken() {
  throw greenlet_error(
      "offshoot: a greenlet that waits in the hub was switched to by somebody else");
}

}  // namespace

instant now() noexcept {
  return this_scheduler->events().now();
}

record::~record() {
  unlink();
  drop_locals();
  // In no heap any more if it is the main one's: then the hub has gone already.
  if (slot != none) this_scheduler->forget(*this);
}

scheduler* scheduler::find() noexcept {
  return this_scheduler;
}

scheduler& scheduler::here() {
  return this_scheduler != nullptr ? *this_scheduler : make({});
}

struct scheduler::end_of_thread {
  ~end_of_thread() {
    thread_is_ending = true;
    if (this_scheduler == nullptr) return;
    // exit() was called in a greenlet: nothing is unwound, since its frames are still in use.
    if (current_block() != access::block(this_scheduler->main_)) return;
    this_scheduler->close();
  }
};

scheduler& scheduler::make(const hub_options& chosen) {
  if (thread_is_ending) {
    throw not_startable("offshoot: this thread is ending and cannot have a hub any more");
  }
  watch_forks();
  control_block* main = access::block(greenlet::main());
  auto made = std::make_unique<scheduler>(chosen);
  scheduler* const hub = made.get();
  attach(main, std::make_unique<main_record>(main, std::move(made)));
  this_scheduler = hub;
  // Made after the core's own guard, so destroyed before it: tasks that have not begun are dropped
  // while greenlets can still be switched; the core then unwinds the others.
  thread_local end_of_thread at_end;
  static_cast<void>(at_end);
  return *hub;
}

void scheduler::after_fork() noexcept {
  mailbox_->after_fork();
  reactor_->after_fork();
}

void scheduler::renew_after_fork() {
  mailbox_->renew();
  reactor_->renew(mailbox_->wake_descriptor());
}

scheduler::scheduler(const hub_options& chosen)
    : reactor_(make_reactor(chosen)),
      mailbox_(std::make_shared<mailbox>()),
      counts_(std::make_shared<hub_counts>()),
      main_(greenlet::main()) {
  reactor_->add_alarm(mailbox_->wake_descriptor());
  loop_ =
      greenlet([this] { run(); }, {.parent = main_, .where = placement::dedicated, .name = "hub"});
  loop_block_ = access::block(loop_);
}

scheduler::~scheduler() {
  mailbox_->close();
  this_scheduler = nullptr;
}

void scheduler::close() noexcept {
  closed_ = true;
  mailbox_->refuse_work();
  open_letters();
  drop_all_unstarted();
  // While they can still use the hub.
  static_cast<record*>(extension_of(access::block(main_)))->drop_locals();
}

record& scheduler::current_record() {
  control_block* const current = current_block();
  if (extension* found = extension_of(current)) return static_cast<record&>(*found);
  if (current == loop_block_) {
    throw greenlet_error("offshoot: the hub itself cannot wait; spawn a task that does");
  }
  auto made = std::make_unique<record>(current);
  record& fresh = *made;
  attach(current, std::move(made));
  return fresh;
}

// Waiting ---------------------------------------------------------------------------------------

/// The next to run, if it is not the hub's turn.
record* scheduler::take() noexcept {
  list_hook* const first = ready_.first();
  if (first == nullptr || turn_is_over()) return nullptr;
  record& next = as_record(*first);
  if (next.now == record::phase::unstarted) return nullptr;  // the hub starts it
  pop(next);
  next.now = record::phase::running;
  return &next;
}

void scheduler::begin_turn() noexcept {
  look_next_ = false;
  switches_ = 0;
  next_clock_ = stride_;
  turn_began_ = now();
  begin_round();
}

void scheduler::begin_round() noexcept {
  end_of_round_ = ready_.last();
  round_is_over_ = false;
}

bool scheduler::turn_is_over() noexcept {
  if (!look_next_ && switches_ != most_switches) {
    const bool round_is_done = round_is_over_ && switches_ >= stride_;
    const bool read_clock = switches_ >= next_clock_;
    if (!round_is_done && !(read_clock && now() - turn_began_ >= longest_turn)) {
      if (read_clock) next_clock_ = switches_ + stride_;
      if (round_is_over_) begin_round();
      return false;
    }
  }
  if (something_outside()) return true;
  set_pace();
  begin_turn();
  return false;
}

/// Whether a look could find anything.
bool scheduler::something_outside() noexcept {
  return descriptor_waits != 0 || !mailbox_->empty() || timers_.next_deadline() <= now();
}

/// Reading the clock costs as much as a switch. So it is read often only where greenlets took long
/// in the turn before.
void scheduler::set_pace() noexcept {
  const instant took = std::max<instant>(now() - turn_began_, 1);
  stride_ = static_cast<unsigned>(
      std::clamp<instant>(switches_ * longest_turn / took, 1, fewest_switches));
}

void scheduler::pop(record& next) noexcept {
  ++switches_;
  if (&next == end_of_round_) round_is_over_ = true;
  if (tasks_ >= fewest_to_prefetch) prefetch_behind(next);
  next.unlink();
}

/// Of the one behind `next`, which runs now, the control block and where its slice begins; and the
/// record of the one behind that, so that the next call finds it near. What it looks at itself was
/// asked for a turn ago. More of the slice at once costs more than it gains: the processor follows.
void scheduler::prefetch_behind(list_hook& next) noexcept {
  constexpr std::size_t cache_line = 64;
  constexpr std::size_t length_of_block = 4 * cache_line;
  list_hook* const soon = ready_.after(next);
  if (soon == nullptr) return;
  const auto fetch = [](const void* from, std::size_t length) {
    for (std::size_t at = 0; at < length; at += cache_line) {
      __builtin_prefetch(static_cast<const char*>(from) + at);
    }
  };
  fetch(as_record(*soon).block, length_of_block);
  fetch(soon->next, sizeof(record));
  ++counts_->prefetches;
}

/// Leaves for the next; returns when it is this one's turn again. Compiled into whoever waits: a
/// frame of its own would keep the registers once more.
[[gnu::always_inline]] inline void scheduler::suspend(record& self) {
  unshared_ = 0;
  record* const next = take();
  if (next != &self) {
    on_the_way_ = next;
    counts_->switches.add_one();
    try {
      switch_only(next != nullptr ? next->block : loop_block_);
    } catch (...) {
      forget_wait(self);
      throw;
    }
    on_the_way_ = nullptr;
    if (self.now != record::phase::running) {
      forget_wait(self);
      throw_not_woken();
    }
  }
  if (self.pending != nullptr && self.shields == 0) throw_pending(self);
}

/// `self` runs again without having been woken: an exception was raised in it, or its switch
/// failed, and then whom it was made to has not run.
void scheduler::forget_wait(record& self) noexcept {
  if (record* missed = std::exchange(on_the_way_, nullptr)) {
    missed->now = record::phase::ready;
    ready_.push_front(*missed);
  }
  self.unlink();
  self.now = record::phase::running;
}

bool scheduler::park(record& self, const char* reason, instant deadline) {
  self.reason = reason;
  if (deadline != never || (self.innermost != nullptr && self.shields == 0)) {
    return park_timed(self, deadline);
  }
  if (self.pending != nullptr && self.shields == 0) throw_pending(self);
  self.now = record::phase::parked;
  suspend(self);
  return true;
}

/// Not inlined: the frames of those that wait without a limit shall be small.
[[gnu::noinline]] bool scheduler::park_timed(record& self, instant deadline) {
  timeout_scope* const scope = self.shields == 0 ? timeout_scope::first_due(self) : nullptr;
  const bool of_scope = scope != nullptr && scope->deadline() < deadline;
  self.timed_out = false;
  try {
    if (self.pending != nullptr && self.shields == 0) throw_pending(self);
    if (const instant due = of_scope ? scope->deadline() : deadline; due != never) {
      timers_.arm(self, due);
      ++counts_->timers;
    }
    self.now = record::phase::parked;
    suspend(self);
  } catch (...) {
    timers_.disarm(self);
    self.unlink();
    throw;
  }
  timers_.disarm(self);
  if (!self.timed_out) return true;
  if (of_scope) scope->expire();
  return false;
}

void scheduler::yield(record& self) {
  self.now = record::phase::ready;
  ready_.push_back(self);
  suspend(self);
  if (self.innermost != nullptr && self.shields == 0) timeout_scope::check(self);
}

void scheduler::share_turn() {
  if (++unshared_ < largest_unshared || current_block() == loop_block_) return;
  look_next_ = true;  // others may wait for descriptors
  yield(current_record());
}

void scheduler::wake(record& waiting) noexcept {
  if (waiting.now != record::phase::parked) return;
  waiting.unlink();
  waiting.now = record::phase::ready;
  ready_.push_back(waiting);
  ++counts_->wakeups;
}

void scheduler::wake_all(wait_list& waiting) noexcept {
  while (list_hook* first = waiting.first()) wake(as_record(*first));
}

// The hub's own greenlet ------------------------------------------------------------------------

void scheduler::run() {
  for (;;) {
    try {
      turn();
    } catch (const greenlet_exit&) {
      throw;         // the thread ends
    } catch (...) {  // of a child of a finished task, for instance: nobody else can receive it
      report_unhandled(std::current_exception(), "hub");
    }
  }
}

void scheduler::turn() {
  while (!ready_.empty() && !turn_is_over()) resume(as_record(*ready_.first()));
  if (!ready_.empty()) set_pace();
  look_outside();
  begin_turn();
}

void scheduler::resume(record& next) {
  unshared_ = 0;  // a task that has ended may have counted
  pop(next);
  counts_->switches.add_one();
  if (next.now == record::phase::unstarted) {
    start(next);
  } else {
    next.now = record::phase::running;
    switch_to(next.block);
  }
  retired_.reset();
}

void scheduler::start(record& next) {
  on_the_way_ = &next;
  next.now = record::phase::running;
  try {
    switch_to(next.block);
  } catch (...) {
    if (on_the_way_ != &next) throw;  // it has run: this is something else
    on_the_way_ = nullptr;
    drop_unstarted(next, std::current_exception());
  }
}

void scheduler::look_outside() {
  if (reactor_->is_parents()) renew_after_fork();
  instant timeout = 0;
  if (ready_.empty()) {
    const instant due = timers_.next_deadline();
    // Not the larger of the difference and 0: of a time long past that is out of range.
    const instant time = due == never ? 0 : now();
    timeout = due == never ? never : due > time ? due - time : 0;
    if (timeout != 0 && !mailbox_->fall_asleep()) timeout = 0;
    // Asked when asleep already: whoever could post last wakes a sleeper when it goes.
    if (timeout == never && nothing_can_wake()) {
      mailbox_->awake();
      counts_->switches.add_one();
      throw_in(access::block(main_), std::make_exception_ptr(would_block_forever(
                                         "offshoot: no greenlet of this thread can ever run again: "
                                         "none is ready, and no timer, descriptor or other thread "
                                         "can wake one" +
                                         who_waits_for_what())));
      return;
    }
  }
  if (timeout != 0 || descriptor_waits != 0) {  // else nobody would notice
    ++counts_->polls;
    reactor_->poll(timeout);
  }
  mailbox_->awake();
  if (timers_.size() != 0) {
    const instant time = now();
    while (timer_node* due = timers_.expire(time)) {
      auto& waiting = static_cast<record&>(*due);
      waiting.timed_out = waiting.now == record::phase::parked;  // else it was woken before
      if (waiting.timed_out) ++counts_->expired;
      wake(waiting);
    }
  }
  open_letters();
}

void scheduler::open_letters() noexcept {
  for (letter* each = mailbox_->take(); each != nullptr;) {
    letter& posted = *each;
    each = mailbox::next(posted);
    posted.open(*this);
  }
}

bool scheduler::nothing_can_wake() noexcept {
  return (descriptor_waits == 0 || !reactor_->may_bring_events()) &&
         mailbox_->senders.load(std::memory_order_seq_cst) == 0 && mailbox_->empty();
}

}  // namespace offshoot::detail
