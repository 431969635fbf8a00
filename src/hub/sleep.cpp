#include <offshoot/hub/sleep.hpp>

#include "hub/scheduler.hpp"

namespace offshoot {

detail::instant detail::instant_of(std::chrono::steady_clock::time_point deadline) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
}

detail::instant detail::instant_after(std::chrono::nanoseconds time) {
  scheduler::here();  // whose time it is
  const instant start = now();
  return time.count() < never - start ? start + time.count() : never;
}

namespace {

void sleep_to(detail::instant deadline) {
  detail::scheduler& hub = detail::scheduler::here();
  detail::record& self = hub.current_record();
  if (deadline <= detail::now()) {
    hub.yield(self);
    return;
  }
  do {
    hub.park(self, "a time", deadline);
  } while (detail::now() < deadline);
}

}  // namespace

hub_clock::time_point hub_clock::now() {
  return time_point(std::chrono::duration_cast<duration>(
      std::chrono::nanoseconds(detail::scheduler::here().events().now())));
}

void sleep_until(std::chrono::steady_clock::time_point deadline) {
  sleep_to(detail::instant_of(deadline));
}

void sleep_for(std::chrono::nanoseconds time) {
  sleep_to(detail::instant_after(time));
}

void yield() {
  detail::scheduler& hub = detail::scheduler::here();
  hub.yield(hub.current_record());
}

}  // namespace offshoot
