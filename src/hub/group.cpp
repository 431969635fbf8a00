#include <offshoot/hub/group.hpp>

#include "hub/unhandled.hpp"
#include "hub/waiting.hpp"

namespace offshoot {
namespace detail {

/// On the heap: the tasks of the group reach it when they finish.
class group_state : public std::enable_shared_from_this<group_state> {
 public:
  void add(const task_ref& member) {
    members_.push_back(member);
    const auto place = std::prev(members_.end());
    try {
      // Only while the task runs does the callback keep the group's state.
      member.get()->when_done(
          std::make_unique<function_completion<leave>>(leave{shared_from_this(), place}));
    } catch (...) {
      members_.erase(place);
      member.get()->kill();
      throw;
    }
    if (ending_) member.get()->kill();
  }

  void kill() {
    ending_ = true;
    task_ref own;
    for (auto each = members_.begin(); each != members_.end();) {
      const task_ref member = *each++;  // one that has not begun leaves the list at once
      if (member.get()->is_current()) {
        own = member;
      } else {
        member.get()->kill();
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
  std::size_t size() const noexcept { return members_.size(); }

 private:
  struct leave {
    std::shared_ptr<group_state> state;
    std::list<task_ref>::iterator place;
    void operator()() const { state->left(place); }
  };

  void left(std::list<task_ref>::iterator place) {
    const task_ref member = *place;
    members_.erase(place);
    const std::exception_ptr error = member.get()->take_error();
    if (members_.empty()) {
      while (line_.give_to_first() != nullptr) continue;
    }
    if (error == nullptr) return;
    if (error_ == nullptr) {
      error_ = error;
    } else {
      report_unhandled(error, member.get()->name());
    }
    kill();
  }

  void wait_for_all() {
    line_.enter();
    while (!members_.empty()) {
      wait_in_line(line_, "the tasks of a group", never, [](bool) {});
    }
  }

  std::list<task_ref> members_;
  std::exception_ptr error_;
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
  } catch (...) {
    detail::scheduler::here().current_record().pending = std::current_exception();
  }
  if (const auto error = state_->take_error()) detail::report_unhandled(error, "of a group");
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
