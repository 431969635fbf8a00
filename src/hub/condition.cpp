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
  self.deserted = false;
  self.notified = false;
  self.to_lock = &to_lock;
  lock.unlock();  // throws if it is another greenlet's
  line_.members.push_back(self);
  const auto lock_again = [&] {
    if (!self.given) {
      const shield shielded(self);
      to_lock.lock();
    }
    lock = std::unique_lock(to_lock, std::adopt_lock);
  };
  try {
    hub.park(self, "a condition", deadline);
  } catch (...) {
    if (!self.deserted) {  // else the mutex may be gone, too, as when a thread ends
      const bool lost = self.notified;
      lock_again();
      if (lost) notify_one();
    }
    throw;
  }
  const bool in_time = self.notified;
  if (self.deserted) {
    if (in_time) throw_destroyed(waits_for_mutex);
    lock_again();
    throw_destroyed("a condition");
  }
  lock_again();
  return in_time ? std::cv_status::no_timeout : std::cv_status::timeout;
}

void condition::notify_one() {
  line_.enter();
  list_hook* const first = line_.members.first();
  if (first == nullptr) return;
  record& waiting = as_record(*first);
  waiting.notified = true;
  waiting.to_lock->give_or_queue(waiting);
}

void condition::notify_all() {
  while (!line_.empty()) notify_one();
}

}  // namespace offshoot
