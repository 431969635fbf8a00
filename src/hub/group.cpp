#include <offshoot/hub/group.hpp>
#include <offshoot/hub/timeout.hpp>

#include "hub/unhandled.hpp"
#include "hub/waiting.hpp"

namespace offshoot {
namespace detail {

/// On the heap: the tasks of the group reach it when they finish.
class group_state : public std::enable_shared_from_this<group_state> {
 public:
  void add(const task_ref& task) {
    auto place = members_.end();
    try {
      place = members_.insert(place, {task, kills_});
      // Only while the task runs does the callback keep the group's state.
      task.get()->when_done(
          std::make_unique<function_completion<leave>>(leave{shared_from_this(), place}));
    } catch (...) {
      if (place != members_.end()) members_.erase(place);
      task.get()->kill();
      throw;
    }
    if (ending_) task.get()->kill();
  }

  void kill() {
    ending_ = true;
    task_ref own;
    // One that has not begun leaves the list at once; while it does so others may leave or come,
    // and kill, too. So each that is killed is put behind all that are not.
    const std::size_t this_kill = ++kills_;
    while (!members_.empty() && members_.front().last_kill < this_kill) {
      members_.front().last_kill = this_kill;
      const task_ref task = members_.front().task;
      members_.splice(members_.end(), members_, members_.begin());
      if (task.get()->is_current()) {
        own = task;
      } else {
        task.get()->kill();
      }
    }
    if (own.get() != nullptr) own.get()->kill();  // throws
  }

  /// Until all have finished, come what may: an exception that ends the wait kills them, and is
  /// thrown when they have finished.
  void wait() {
    try {
      wait_for_all();
    } catch (...) {
      kill();
      const shield shielded(scheduler::here().current_record());
      wait_for_all();
      throw;
    }
    ending_ = false;
  }

  std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }
  /// What nobody has asked for.
  void report_error() noexcept {
    if (const auto error = take_error()) report_unhandled(error, failed_.get()->name());
  }
  std::size_t size() const noexcept { return members_.size(); }

 private:
  struct member {
    task_ref task;
    std::size_t last_kill;
  };
  struct leave {
    std::shared_ptr<group_state> state;
    std::list<member>::iterator place;
    void operator()() const { state->left(place); }
  };

  void left(std::list<member>::iterator place) {
    const task_ref task = place->task;
    members_.erase(place);
    const std::exception_ptr error = task.get()->take_error();
    if (members_.empty()) {
      while (line_.give_to_first() != nullptr) continue;
    }
    if (error == nullptr) return;
    if (error_ == nullptr) {
      error_ = error;
      failed_ = task;
    } else {
      report_unhandled(error, task.get()->name());
    }
    kill();
  }

  void wait_for_all() {
    line_.enter();
    while (!members_.empty()) {
      wait_in_line(line_, "the tasks of a group", never, [](bool) {});
    }
  }

  std::list<member> members_;
  std::size_t kills_ = 0;
  std::exception_ptr error_;
  task_ref failed_;  ///< whose it is
  bool ending_ = false;
  waiting_line line_;
};

}  // namespace detail

group::group()
    : state_(std::make_shared<detail::group_state>()),
      exceptions_around_(std::uncaught_exceptions()) {}

group::~group() {
  try {
    if (std::uncaught_exceptions() > exceptions_around_) kill();
    state_->wait();
  } catch (const timed_out& error) {
    detail::timeout_scope::keep_back(detail::scheduler::here().current_record(), error);
  } catch (...) {
    std::exception_ptr& pending = detail::scheduler::here().current_record().pending;
    if (pending == nullptr) pending = std::current_exception();  // else it was killed since
  }
  state_->report_error();
}

void group::add(const detail::task_ref& member) {
  state_->add(member);
}

void group::join() {
  state_->wait();
  if (const auto error = state_->take_error()) std::rethrow_exception(error);
}

void group::kill() {
  state_->kill();
}

std::size_t group::size() const noexcept {
  return state_->size();
}

}  // namespace offshoot
