#include <offshoot/hub/future.hpp>

#include "hub/waiting.hpp"

namespace offshoot::detail {

bool future_core::wait(instant deadline) {
  scheduler::here().share_turn();
  if (ready()) return true;
  const waiter_ref waiter(new remote_waiter);
  {
    const std::lock_guard lock(mutex_);
    if (ready_) return true;
    waiters_.push_back(*waiter);
  }
  const auto leave = [&] {
    const std::lock_guard lock(mutex_);
    waiter->unlink();
    return ready_;
  };
  try {
    waiter->wait("a future", deadline);
  } catch (...) {
    leave();
    throw;
  }
  return leave();
}

bool future_core::ready() const {
  const std::lock_guard lock(mutex_);
  return ready_;
}

void future_core::finish(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  ready_ = true;
  while (list_hook* first = waiters_.first()) {
    first->unlink();
    static_cast<remote_waiter*>(first)->wake();
  }
}

void future_core::rethrow() const {
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void throw_future_error(std::future_errc code) {
  throw std::future_error(code);
}

}  // namespace offshoot::detail
