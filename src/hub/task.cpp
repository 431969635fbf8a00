#include <offshoot/hub/task.hpp>

#include "hub/scheduler.hpp"
#include "hub/unhandled.hpp"

namespace offshoot {
namespace detail {
namespace {

/// The hub that runs the task, or the caller's if it is done.
scheduler& home_of(const scheduler* home) {
  scheduler& here = scheduler::here();
  if (home != nullptr && home != &here) {
    throw wrong_thread("offshoot: a task belongs to another thread; post the work to its hub");
  }
  return here;
}

}  // namespace

task_state::task_state() noexcept = default;

task_state::~task_state() {
  if (error_ == nullptr) return;
  report_unhandled(std::move(error_), name_ != nullptr ? std::string_view(*name_) : "unnamed");
}

void start_task(const task_ref& made, const options& chosen) {
  scheduler::here().adopt(made, chosen);
}

task_state& dereference(const task_ref& reference) {
  if (reference.get() == nullptr) throw greenlet_error("offshoot: this task handle is empty");
  return *reference.get();
}

void task_state::join() {
  home_of(home_).join(*this);
}

void task_state::kill() {
  home_of(home_).kill(*this);
}

void throw_no_result() {
  throw greenlet_error(
      "offshoot: this task has no result to give: it was killed, or somebody has taken it");
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
