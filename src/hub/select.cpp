#include <offshoot/hub/select.hpp>

#include <algorithm>

#include "hub/waiting.hpp"

namespace offshoot::detail {

select_case::~select_case() = default;

namespace {

constexpr std::size_t no_case = ~std::size_t{0};

/// Waits once; `no_case`: to be tried again. `waiting`: how many cases have begun to wait.
std::size_t wait_for_one(scheduler& hub, std::span<select_case* const> cases) {
  record& self = hub.current_record();
  self.given = false;
  instant first = never;
  std::size_t of_time = no_case;
  std::uint32_t waiting = 0;
  const auto end_waits = [&](bool ended) {
    while (waiting != 0) {
      --waiting;
      cases[waiting]->end_wait(self.given && self.chosen == waiting, ended);
    }
  };
  bool woken;
  try {
    for (select_case* each : cases) {
      each->begin_wait(waiting);
      if (each->deadline() < first) {
        first = each->deadline();
        of_time = waiting;
      }
      ++waiting;
    }
    woken = hub.park(self, "one of several", first);
  } catch (...) {
    end_waits(true);
    throw;
  }
  end_waits(false);
  if (self.given) return self.chosen;
  return woken ? no_case : of_time;
}

}  // namespace

std::size_t select_one(std::span<select_case* const> cases) {
  scheduler& hub = scheduler::here();
  hub.share_turn();
  for (;;) {
    const std::size_t first = hub.next_turn();
    for (std::size_t each = 0; each < cases.size(); ++each) {
      const std::size_t asked = (first + each) % cases.size();
      if (cases[asked]->try_now()) return asked;
    }
    const auto other = std::find_if(cases.begin(), cases.end(),
                                    [](const select_case* each) { return each->is_default(); });
    if (other != cases.end()) return static_cast<std::size_t>(other - cases.begin());
    if (const std::size_t done = wait_for_one(hub, cases); done != no_case) return done;
  }
}

}  // namespace offshoot::detail
