#include <offshoot/hub/sleep.hpp>

#include "hub/scheduler.hpp"

namespace offshoot {
namespace {

void sleep_to(detail::instant deadline) {
  detail::scheduler& hub = detail::scheduler::here();
  detail::record& self = hub.current_record();
  if (deadline <= detail::now()) {
    hub.yield(self);
    return;
  }
  do {
    hub.park_until(self, deadline);
  } while (detail::now() < deadline);
}

}  // namespace

hub_clock::time_point hub_clock::now() {
  return time_point(std::chrono::duration_cast<duration>(
      std::chrono::nanoseconds(detail::scheduler::here().events().now())));
}

void sleep_until(std::chrono::steady_clock::time_point deadline) {
  sleep_to(
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count());
}

void sleep_for(std::chrono::nanoseconds time) {
  const detail::instant start = detail::scheduler::here().events().now();
  sleep_to(time.count() < detail::never - start ? start + time.count() : detail::never);
}

void yield() {
  detail::scheduler& hub = detail::scheduler::here();
  hub.yield(hub.current_record());
}

}  // namespace offshoot
