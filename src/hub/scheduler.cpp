#include "hub/scheduler.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "hub/unhandled.hpp"

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

[[noreturn, gnu::noinline, gnu::cold]] void raise_pending(record& self) {
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
  // In no heap any more if it is the main one's: then the hub has gone already.
  if (place != nowhere) this_scheduler->forget(*this);
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

scheduler::scheduler(const hub_options& chosen)
    : reactor_(make_reactor(chosen)),
      mailbox_(std::make_shared<mailbox>()),
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
  mailbox_->close();
  drop_all_unstarted();
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
  if (first == nullptr || turns_left_ == 0) return nullptr;
  record& next = as_record(*first);
  if (next.now == record::phase::unstarted) return nullptr;  // the hub starts it
  --turns_left_;
  next.unlink();
  next.now = record::phase::running;
  return &next;
}

/// Leaves for the next; returns when it is this one's turn again.
void scheduler::suspend(record& self) {
  unshared_ = 0;
  record* const next = take();
  if (next != &self) {
    on_the_way_ = next;
    try {
      switch_to(next != nullptr ? next->block : loop_block_);
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
  if (self.pending != nullptr) raise_pending(self);
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

void scheduler::park(record& self) {
  if (self.pending != nullptr) raise_pending(self);
  self.now = record::phase::parked;
  suspend(self);
}

void scheduler::park_until(record& self, instant deadline) {
  timers_.arm(self, deadline);
  try {
    park(self);
  } catch (...) {
    timers_.disarm(self);
    throw;
  }
  timers_.disarm(self);
}

void scheduler::yield(record& self) {
  self.now = record::phase::ready;
  ready_.push_back(self);
  suspend(self);
}

void scheduler::share_turn() {
  if (++unshared_ < largest_unshared) return;
  turns_left_ = 0;  // others may wait for descriptors: have the hub look
  yield(current_record());
}

void scheduler::wake(record& waiting) noexcept {
  if (waiting.now != record::phase::parked) return;
  waiting.unlink();
  waiting.now = record::phase::ready;
  ready_.push_back(waiting);
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
  while (turns_left_ != 0 && !ready_.empty()) resume(as_record(*ready_.first()));
  look_outside();
  turns_left_ = switches_per_turn;
}

void scheduler::resume(record& next) {
  --turns_left_;
  next.unlink();
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
  instant timeout = 0;
  if (ready_.empty()) {
    const instant due = timers_.next_deadline();
    timeout = due == never ? never : std::max<instant>(due - now(), 0);
    if (timeout != 0 && !mailbox_->fall_asleep()) timeout = 0;
    // Asked when asleep already: whoever could post last wakes a sleeper when it goes.
    if (timeout == never && nothing_can_wake()) {
      mailbox_->awake();
      throw_in(access::block(main_),
               std::make_exception_ptr(would_block_forever(
                   "offshoot: no greenlet of this thread can ever run again: none is ready, and no "
                   "timer, descriptor or other thread can wake one")));
      return;
    }
  }
  reactor_->poll(timeout);
  mailbox_->awake();
  if (timers_.size() != 0) {
    const instant time = now();
    while (timer_node* due = timers_.expire(time)) wake(static_cast<record&>(*due));
  }
  for (task_state* each = mailbox_->take(); each != nullptr;) {
    const task_ref posted(each);
    each = mailbox::next(each);
    adopt_posted(posted);
  }
}

bool scheduler::nothing_can_wake() noexcept {
  return (descriptor_waits == 0 || !reactor_->may_bring_events()) &&
         mailbox_->senders.load(std::memory_order_seq_cst) == 0 && mailbox_->empty();
}

}  // namespace offshoot::detail
