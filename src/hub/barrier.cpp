#include <offshoot/hub/barrier.hpp>

#include <stdexcept>

#include "hub/waiting.hpp"

namespace offshoot {

barrier::barrier(std::size_t count) : expected_(count) {
  if (count == 0) throw std::invalid_argument("offshoot: a barrier for nobody");
}

bool barrier::arrive_by(detail::instant deadline) {
  line_.enter().share_turn();
  if (arrived_ + 1 >= expected_) {
    let_go();
    return true;
  }
  ++arrived_;
  return detail::wait_in_line(line_, "the others at a barrier", deadline, [this](bool given) {
    if (!given) --arrived_;
  });
}

void barrier::arrive_and_drop() {
  line_.enter();
  if (expected_ == 0) throw greenlet_error("offshoot: all have left this barrier already");
  if (--expected_ == arrived_) let_go();
}

void barrier::let_go() noexcept {
  arrived_ = 0;
  while (line_.give_to_first() != nullptr) continue;
}

}  // namespace offshoot
