/// How the primitives of synchronisation wait. What is waited for is handed over: who gives it away
/// chooses the first who waits and makes it theirs before they run, so nobody can come in between.
#pragma once

#include <offshoot/hub/detail/waiting_line.hpp>

#include "hub/scheduler.hpp"

namespace offshoot::detail {

/// While it exists, neither a kill nor a time-out ends the waits of its greenlet; a kill takes
/// effect at the next wait after it.
class shield {
 public:
  explicit shield(record& self) noexcept : self_(self) { ++self_.shields; }
  ~shield() { --self_.shields; }
  shield(const shield&) = delete;
  shield& operator=(const shield&) = delete;

 private:
  record& self_;
};

[[noreturn]] void throw_destroyed(const char* reason);

/// Waits at the end of `line`, which this greenlet has entered, until somebody gives it what it
/// waits for: true. False when `deadline` has passed. When a wait ends without success
/// `retreat(given)` puts things right: what was given before a kill came must be given back or on,
/// and if nothing was, others behind may have waited for this one to go.
template <class F>
bool wait_in_line(waiting_line& line, const char* reason, instant deadline, const F& retreat) {
  scheduler& hub = *scheduler::find();
  record& self = hub.current_record();
  self.given = false;
  self.deserted = false;
  line.members.push_back(self);
  try {
    hub.park(self, reason, deadline);
  } catch (...) {
    if (!self.deserted) retreat(self.given);
    throw;
  }
  if (self.given) return true;
  if (self.deserted) throw_destroyed(reason);
  retreat(false);
  return false;
}

/// Gives one who waits what it waits for.
inline void give_to(record& waiting) noexcept {
  waiting.given = true;
  scheduler::find()->wake(waiting);
}

}  // namespace offshoot::detail
