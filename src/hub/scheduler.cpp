#include "hub/scheduler.hpp"

#include <offshoot/trace.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>
#include <vector>

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

/// What a task's greenlet calls. A pointer is all that it captures: the function is in the state.
struct task_entry {
  task_state* state;
  void (*enter)(task_state*);
  void operator()() const { enter(state); }
};

record& as_record(list_hook& hook) noexcept {
  return static_cast<record&>(hook);
}

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
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
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
  return this_scheduler != nullptr ? *this_scheduler : make();
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

scheduler& scheduler::make() {
  if (thread_is_ending) {
    throw not_startable("offshoot: this thread is ending and cannot have a hub any more");
  }
  control_block* main = access::block(greenlet::main());
  auto made = std::make_unique<scheduler>();
  scheduler* const hub = made.get();
  attach(main, std::make_unique<main_record>(main, std::move(made)));
  this_scheduler = hub;
  // Made after the core's own guard, so destroyed before it: tasks that have not begun are dropped
  // while greenlets can still be switched; the core then unwinds the others.
  thread_local end_of_thread at_end;
  static_cast<void>(at_end);
  return *hub;
}

scheduler::scheduler()
    : reactor_(make_epoll_reactor()),
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
      switch_to(next != nullptr ? next->block : loop_block_, value{});
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
    switch_to(next.block, value{});
  }
  retired_.reset();
}

void scheduler::start(record& next) {
  on_the_way_ = &next;
  next.now = record::phase::running;
  try {
    switch_to(next.block, value{});
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
  return descriptor_waits == 0 && mailbox_->senders.load(std::memory_order_seq_cst) == 0 &&
         mailbox_->empty();
}

// Tasks -----------------------------------------------------------------------------------------

void scheduler::adopt(const task_ref& made, const options& chosen) {
  if (chosen.parent) {
    throw greenlet_error("offshoot: the parent of a task is its hub; leave options::parent empty");
  }
  if (closed_) {
    throw not_startable("offshoot: this thread is ending and starts no tasks any more");
  }
  options complete = chosen;
  complete.parent = loop_;
  task_state& state = *made.get();
  if (!chosen.name.empty()) state.name_ = std::make_unique<std::string>(chosen.name);
  greenlet self(task_entry{&state, &enter_task}, complete);
  auto fresh = std::make_unique<record>(access::block(self));
  record& born = *fresh;
  attach(access::block(self), std::move(fresh));
  born.now = record::phase::unstarted;
  born.self = std::move(self);
  born.task = task_ref(made).let_go();
  state.home_ = this;
  state.record_ = &born;
  ++tasks_;
  ready_.push_back(born);
  if (killing_) drop_unstarted(born, nullptr);
}

void scheduler::adopt_posted(const task_ref& posted) noexcept {
  try {
    adopt(posted, options{});
  } catch (...) {
    posted.get()->error_ = std::current_exception();  // reported with the last reference
  }
}

/// The first frame of a task's greenlet.
void scheduler::enter_task(task_state* raw) {
  scheduler& hub = *this_scheduler;
  hub.on_the_way_ = nullptr;
  task_ref state(raw);  // the greenlet's reference
  std::exception_ptr error;
  try {
    raw->run();
  } catch (const greenlet_exit&) {  // killed: that is no error
  } catch (...) {
    error = std::current_exception();
  }
  raw->destroy_function();  // while it can still wait: the destructors of captures are user code
  record& self = *raw->record_;
  hub.finish(*raw, std::move(error));
  self.task = nullptr;
  state = task_ref();  // also a result that nobody has asked for
  hub.retired_ = std::move(self.self);
}

void scheduler::finish(task_state& state, std::exception_ptr error) noexcept {
  state.error_ = std::move(error);
  state.done_ = true;
  state.home_ = nullptr;
  state.record_ = nullptr;
  --tasks_;
  wake_all(state.joiners_);
  wake_all(until_tasks_end_);
}

/// Ends a task that has never run, with `error` as its outcome.
void scheduler::drop_unstarted(record& unborn, std::exception_ptr error) noexcept {
  unborn.unlink();
  const greenlet self = std::move(unborn.self);  // with it goes the record
  const task_ref state(std::exchange(unborn.task, nullptr));
  state.get()->destroy_function();
  finish(*state.get(), std::move(error));
}

void scheduler::drop_all_unstarted() noexcept {
  for (list_hook* each = ready_.first(); each != nullptr;) {
    if (as_record(*each).now == record::phase::unstarted) {
      drop_unstarted(as_record(*each), nullptr);
      each = ready_.first();  // the destructors of its captures may have changed the queue
    } else {
      each = ready_.after(*each);
    }
  }
}

void scheduler::join(task_state& state) {
  record& self = current_record();
  if (state.record_ == &self) {
    throw greenlet_error("offshoot: a task cannot join itself");
  }
  while (!state.done_) {
    state.joiners_.push_back(self);
    park(self);
  }
  if (state.error_ != nullptr) std::rethrow_exception(std::exchange(state.error_, nullptr));
}

void scheduler::kill(task_state& state) {
  if (state.record_ == nullptr) return;
  record& victim = *state.record_;
  if (victim.now == record::phase::unstarted) {
    drop_unstarted(victim, nullptr);
    return;
  }
  if (victim.block == current_block()) throw greenlet_exit{};
  victim.pending = std::make_exception_ptr(greenlet_exit{});
  wake(victim);
}

void scheduler::kill_all() {
  record& self = current_record();
  struct restore {
    bool& killing;
    ~restore() { killing = false; }
  };
  if (killing_) {
    throw greenlet_error("offshoot: kill_tasks is under way already");
  }
  killing_ = true;
  const restore when_done{killing_};
  drop_all_unstarted();
  std::vector<task_ref> running;
  for_each_greenlet([&](const greenlet& each) {
    auto* const found = static_cast<record*>(extension_of(access::block(each)));
    if (found == nullptr || found == &self || found->task == nullptr) return;
    found->task->acquire();
    running.emplace_back(found->task);
  });
  for (const task_ref& each : running) kill(*each.get());
  const std::size_t mine = self.task != nullptr ? 1 : 0;
  while (tasks_ > mine) {
    until_tasks_end_.push_back(self);
    park(self);
  }
}

}  // namespace offshoot::detail
