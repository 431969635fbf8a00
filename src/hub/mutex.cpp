#include <offshoot/hub/mutex.hpp>

#include <system_error>

#include "hub/waiting.hpp"

namespace offshoot {

using namespace detail;

bool mutex::lock_by(instant deadline) {
  scheduler& hub = line_.enter();
  const std::uint64_t self = id_of(current_block());
  if (owner_ == self) {
    throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                            "offshoot: a mutex is locked by its owner");
  }
  hub.share_turn();
  if (owner_ == nobody) {
    owner_ = self;
    return true;
  }
  hub.current_record().holder = &owner_;
  return wait_in_line(line_, waits_for_mutex, deadline, [this](bool given) {
    if (given) hand_over();
  });
}

bool mutex::try_lock() {
  line_.enter();
  if (owner_ != nobody) return false;
  owner_ = id_of(current_block());
  return true;
}

void mutex::unlock() {
  line_.enter();
  if (!is_mine()) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "offshoot: a mutex is unlocked by a greenlet that does not hold it");
  }
  hand_over();
}

bool mutex::is_mine() const {
  return owner_ == id_of(current_block());
}

void mutex::hand_over() noexcept {
  const record* const next = line_.give_to_first();
  owner_ = next != nullptr ? id_of(next->block) : nobody;
}

/// For one that waits elsewhere and shall have the mutex before it runs.
void mutex::give_or_queue(record& waiting) noexcept {
  waiting.unlink();
  if (owner_ == nobody) {
    owner_ = id_of(waiting.block);
    give_to(waiting);
  } else {
    waiting.reason = waits_for_mutex;
    waiting.holder = &owner_;
    line_.members.push_back(waiting);
  }
}

bool recursive_mutex::lock_by(instant deadline) {
  if (!mutex_.is_mine() && !mutex_.lock_by(deadline)) return false;
  ++depth_;
  return true;
}

bool recursive_mutex::try_lock() {
  if (!mutex_.is_mine() && !mutex_.try_lock()) return false;
  ++depth_;
  return true;
}

void recursive_mutex::unlock() {
  if (mutex_.is_mine() && --depth_ != 0) return;
  mutex_.unlock();
}

}  // namespace offshoot
