#include <offshoot/hub/event.hpp>

#include "hub/waiting.hpp"

namespace offshoot {

bool event::wait_by(detail::instant deadline) {
  line_.enter().share_turn();
  if (set_) return true;
  return detail::wait_in_line(line_, "an event", deadline, [](bool) {});
}

void event::set() {
  line_.enter();
  set_ = true;
  while (line_.give_to_first() != nullptr) continue;
}

}  // namespace offshoot
