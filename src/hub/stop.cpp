#include <offshoot/hub/detail/remote_waiter.hpp>
#include <offshoot/hub/stop.hpp>

#include <memory>

#include "hub/scheduler.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// Called by who requests the stop. The end of the callback waits for a call under way, so the
/// waiter lasts long enough.
struct wake_on_stop {
  remote_waiter* waiter;
  void operator()() const noexcept { waiter->wake(); }
};

}  // namespace

void wait_for_stop(const std::stop_token& stop) {
  constexpr auto reason = "a stop to be requested";
  if (!stop.stop_possible()) {
    scheduler& hub = scheduler::here();
    for (;;) hub.park(hub.current_record(), reason);
  }
  const waiter_ref waiter(new remote_waiter);
  // On the heap: the other thread looks at it while this stack may lie in a slice.
  const auto told =
      std::make_unique<std::stop_callback<wake_on_stop>>(stop, wake_on_stop{&*waiter});
  while (!stop.stop_requested()) waiter->wait(reason, never);
}

}  // namespace offshoot
