/// The life of tasks: how they begin, end, are joined and killed.
#include <offshoot/hub/task.hpp>
#include <offshoot/trace.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "hub/scheduler.hpp"
#include "hub/unhandled.hpp"

namespace offshoot {
namespace detail {

/// What a task's greenlet calls, with a reference to the task. The function is in that.
struct scheduler::task_entry {
  task_state* task;
  void operator()() const;
};

completion::~completion() = default;

task_state::task_state() noexcept = default;

task_state::~task_state() {
  if (error_ == nullptr) return;
  report_unhandled(std::move(error_), name());
}

namespace {

/// A kill by another thread. One that has begun is killed by the hub itself; else it takes a task,
/// since the destructors of captures and results are user code and may wait.
class posted_kill final : public task_state {
 public:
  explicit posted_kill(task_ref victim) noexcept : victim_(std::move(victim)) {}

 private:
  void open(scheduler& hub) noexcept override {
    if (hub.kill_if_begun(*victim_.get())) {
      release();
    } else {
      task_state::open(hub);
    }
  }
  void run() override { victim_.get()->kill(); }
  void destroy_function() noexcept override { victim_ = task_ref(); }

  task_ref victim_;
};

void call_back(completion& callback, const task_state& of) noexcept {
  try {
    callback.call();
  } catch (...) {
    report_unhandled(std::current_exception(), of.name());
  }
}

}  // namespace

std::string_view task_state::name() const noexcept {
  return name_ != nullptr ? std::string_view(*name_) : "unnamed";
}

void start_task(const task_ref& made, const options& chosen, spawn_site site) {
  scheduler::here().adopt(made, chosen, site);
}

task_state& dereference(const task_ref& reference) {
  if (reference.get() == nullptr) throw greenlet_error("offshoot: this task handle is empty");
  return *reference.get();
}

/// Work that another thread has posted.
void task_state::open(scheduler& hub) noexcept {
  hub.adopt_posted(task_ref(this));
}

bool task_state::is_current() const noexcept {
  return record_ != nullptr && record_->block == current_block();
}

void task_state::require_home() const {
  if (!done() && home_ != scheduler::here().post_box()) {
    throw wrong_thread("offshoot: a task belongs to another thread; post the work to its hub");
  }
}

bool task_state::wait(instant deadline) {
  require_home();
  return scheduler::here().wait_for(*this, deadline);
}

void task_state::join() {
  wait(never);
  if (error_ != nullptr) std::rethrow_exception(take_error());
}

void task_state::kill() {
  if (done()) return;
  scheduler* const here = scheduler::find();
  if (here != nullptr && home_ == here->post_box()) {
    here->kill(*this);
  } else {
    acquire();
    home_->post(task_ref(new posted_kill(task_ref(this))));
  }
}

void task_state::when_done(std::unique_ptr<completion> callback) {
  require_home();
  if (done()) {
    call_back(*callback, *this);
  } else {
    callback->next = std::move(completions_);
    completions_ = std::move(callback);
  }
}

void throw_no_result() {
  throw greenlet_error(
      "offshoot: this task has no result to give: it was killed, or somebody has taken it");
}

void scheduler::adopt(const task_ref& made, const options& chosen, spawn_site site) {
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
  greenlet self(task_entry{&state}, complete, site);
  auto fresh = std::make_unique<record>(access::block(self));
  record& born = *fresh;
  attach(access::block(self), std::move(fresh));
  born.now = record::phase::unstarted;
  born.task = task_ref(made).let_go();
  acquire(born.block);  // until it is done
  state.home_ = mailbox_;
  state.record_ = &born;
  ++tasks_;
  ready_.push_back(born);
  if (killing_) drop_unstarted(born, nullptr);
}

void scheduler::adopt_posted(const task_ref& posted) noexcept {
  if (closed_) return;
  try {
    adopt(posted, options{}, spawn_site("", 0));  // the post is long over
  } catch (...) {
    posted.get()->error_ = std::current_exception();  // reported with the last reference
  }
}

/// Its frame lies in the slice of every task: nothing but the task is alive in it.
void scheduler::task_entry::operator()() const {
  task_state& running = *task;
  find()->on_the_way_ = nullptr;
  try {
    running.run();
  } catch (const greenlet_exit&) {  // killed: that is no error
  } catch (...) {
    keep_exception(running);
  }
  end_task(running);
}

void scheduler::keep_exception(task_state& failed) noexcept {
  failed.error_ = std::current_exception();
  if (failed.name_ != nullptr) return;
  const spawn_site site = access::share(failed.record_->block).spawned_at();
  if (site.line == 0) return;
  try {
    failed.name_ = std::make_unique<std::string>("unnamed, spawned at " + std::string(site.file) +
                                                 ":" + std::to_string(site.line));
  } catch (const std::bad_alloc&) {  // unnamed
  }
}

void scheduler::end_task(task_state& ended) noexcept {
  task_ref state(&ended);    // the greenlet's reference
  ended.destroy_function();  // while it can still wait: the destructors of captures are user code
  record& self = *ended.record_;
  self.drop_locals();  // likewise
  scheduler& hub = *find();
  hub.finish(ended);
  self.task = nullptr;
  state = task_ref();  // also a result that nobody has asked for
  hub.retired_ = access::adopt(self.block);
  hub.counts_->switches.add_one();  // to the hub, its parent
}

void scheduler::finish(task_state& state) noexcept {
  state.record_ = nullptr;
  state.done_.store(true, std::memory_order_release);
  --tasks_;
  wake_all(state.joiners_);
  wake_all(until_tasks_end_);
  std::unique_ptr<completion> first;
  for (auto each = std::move(state.completions_); each != nullptr;) {  // turns them round
    auto next = std::move(each->next);
    each->next = std::move(first);
    first = std::exchange(each, std::move(next));
  }
  for (; first != nullptr; first = std::move(first->next)) call_back(*first, state);
}

/// Ends a task that has never run, with `error` as its outcome.
void scheduler::drop_unstarted(record& unborn, std::exception_ptr error) noexcept {
  unborn.unlink();
  const greenlet self = access::adopt(unborn.block);  // with it goes the record
  const task_ref state(std::exchange(unborn.task, nullptr));
  state.get()->record_ = nullptr;  // the destructors of captures may wait: nobody drops it again
  state.get()->error_ = std::move(error);
  state.get()->destroy_function();
  finish(*state.get());
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

bool scheduler::wait_for(task_state& state, instant deadline) {
  record& self = current_record();
  if (state.record_ == &self) {
    throw greenlet_error("offshoot: a task cannot join itself");
  }
  if (state.done()) return true;
  state.joiners_.push_back(self);
  self.awaited = &state;
  return park(self, waits_for_task, deadline);
}

void scheduler::kill(task_state& state) {
  if (state.is_current()) throw greenlet_exit{};
  if (!kill_if_begun(state) && state.record_ != nullptr) drop_unstarted(*state.record_, nullptr);
}

bool scheduler::kill_if_begun(task_state& state) noexcept {
  record* const victim = state.record_;
  if (victim == nullptr || victim->now == record::phase::unstarted) return false;
  victim->pending = std::make_exception_ptr(greenlet_exit{});
  if (victim->shields == 0) wake(*victim);
  return true;
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
    park(self, "the end of all tasks");
  }
}

}  // namespace detail

void kill_tasks() {
  detail::scheduler::here().kill_all();
}

std::size_t task_count() noexcept {
  const detail::scheduler* here = detail::scheduler::find();
  return here != nullptr ? here->tasks() : 0;
}

}  // namespace offshoot
