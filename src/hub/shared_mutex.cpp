#include <offshoot/hub/shared_mutex.hpp>

#include <system_error>

#include "hub/waiting.hpp"

namespace offshoot {

using namespace detail;

namespace {

[[noreturn, gnu::cold]] void throw_not_held() {
  throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                          "offshoot: a shared_mutex is unlocked that is not locked");
}

}  // namespace

bool shared_mutex::lock_by(instant deadline) {
  line_.enter();
  if (writer_ == id_of(current_block())) {
    throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                            "offshoot: a shared_mutex is locked by its owner");
  }
  return wait(true, "a shared_mutex, to write", deadline);
}

bool shared_mutex::lock_shared_by(instant deadline) {
  return wait(false, "a shared_mutex, to read", deadline);
}

bool shared_mutex::wait(bool exclusive, const char* reason, instant deadline) {
  scheduler& hub = line_.enter();
  hub.share_turn();
  if (exclusive ? try_lock() : try_lock_shared()) return true;
  hub.current_record().exclusive = exclusive;
  return wait_in_line(line_, reason, deadline, [this, exclusive](bool given) {
    if (given && exclusive) {
      writer_ = nobody;
    } else if (given) {
      --readers_;
    }
    let_in();  // those who waited behind
  });
}

bool shared_mutex::try_lock() {
  line_.enter();
  if (writer_ != nobody || readers_ != 0) return false;
  writer_ = id_of(current_block());
  return true;
}

bool shared_mutex::try_lock_shared() {
  line_.enter();
  if (writer_ != nobody || !line_.empty()) return false;
  ++readers_;
  return true;
}

void shared_mutex::unlock() {
  line_.enter();
  if (writer_ != id_of(current_block())) throw_not_held();
  writer_ = nobody;
  let_in();
}

void shared_mutex::unlock_shared() {
  line_.enter();
  if (readers_ == 0) throw_not_held();
  --readers_;
  let_in();
}

/// All that may come in now, in their order.
void shared_mutex::let_in() noexcept {
  while (list_hook* first = line_.members.first()) {
    record& next = as_record(*first);
    if (writer_ != nobody || (next.exclusive && readers_ != 0)) return;
    if (next.exclusive) {
      writer_ = id_of(next.block);
    } else {
      ++readers_;
    }
    give_to(next);
  }
}

}  // namespace offshoot
