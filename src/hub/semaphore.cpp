#include <offshoot/hub/semaphore.hpp>

#include "hub/waiting.hpp"

namespace offshoot {

bool semaphore::acquire_by(detail::instant deadline) {
  line_.enter().share_turn();
  if (try_acquire()) return true;
  return detail::wait_in_line(line_, "a permit of a semaphore", deadline, [this](bool given) {
    if (given) release();
  });
}

bool semaphore::try_acquire() {
  line_.enter();
  if (permits_ == 0) return false;
  --permits_;
  return true;
}

void semaphore::release(std::size_t permits) {
  line_.enter();
  while (permits != 0 && line_.give_to_first() != nullptr) --permits;
  permits_ += permits;
}

}  // namespace offshoot
