#include <offshoot/hub/counters.hpp>
#include <offshoot/trace.hpp>

#include "hub/scheduler.hpp"

namespace offshoot {

hub_counters counters() noexcept {
  const detail::scheduler* const here = detail::scheduler::find();
  if (here == nullptr) return {};
  const detail::hub_counts& counted = here->counts();
  const copy_counts copied = copies();
  return {.switches = counted.switches.read(),
          .wakeups = counted.wakeups,
          .timers = counted.timers,
          .expired = counted.expired,
          .polls = counted.polls,
          .prefetches = counted.prefetches,
          .evictions = copied.evictions,
          .bytes_copied = copied.bytes};
}

}  // namespace offshoot
