#include <offshoot/hub/condition.hpp>

#include <system_error>

#include "hub/waiting.hpp"

namespace offshoot {

using namespace detail;

std::cv_status condition::wait_by(std::unique_lock<mutex>& lock, instant deadline) {
  scheduler& hub = line_.enter();
  if (!lock.owns_lock()) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "offshoot: a wait for a condition without the lock");
  }
  record& self = hub.current_record();
  mutex& to_lock = *lock.mutex();
  self.given = false;
  self.to_lock = &to_lock;
  line_.members.push_back(self);
  lock.unlock();
  const auto notified = [&self] { return self.to_lock == nullptr; };
  const auto lock_again = [&] {
    if (!self.given) {
      const shield shielded(self);
      to_lock.lock();
    }
    lock = std::unique_lock(to_lock, std::adopt_lock);
  };
  bool woken;
  try {
    woken = hub.park(self, "a condition", deadline);
  } catch (...) {
    const bool lost = notified();
    lock_again();
    if (lost) notify_one();
    throw;
  }
  const bool in_time = notified();
  if (woken && !self.given) {  // the mutex or the condition is gone
    if (!in_time) lock_again();
    throw_destroyed(in_time ? waits_for_mutex : "a condition");
  }
  lock_again();
  return in_time ? std::cv_status::no_timeout : std::cv_status::timeout;
}

void condition::notify_one() {
  line_.enter();
  list_hook* const first = line_.members.first();
  if (first == nullptr) return;
  record& waiting = as_record(*first);
  std::exchange(waiting.to_lock, nullptr)->give_or_queue(waiting);
}

void condition::notify_all() {
  while (!line_.empty()) notify_one();
}

}  // namespace offshoot
