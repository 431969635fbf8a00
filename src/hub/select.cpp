#include <offshoot/hub/select.hpp>

#include <algorithm>

#include "hub/waiting.hpp"

namespace offshoot::detail {

select_case::~select_case() = default;

namespace {

constexpr std::size_t no_case = ~std::size_t{0};

/// The waits of a select, as far as they have begun.
struct waits {
  std::span<select_case* const> cases;
  record& self;
  std::uint32_t begun = 0;

  /// Which has been given, if any.
  std::size_t end(bool by_exception) noexcept {
    self.rivals.win();  // from here on nobody does
    std::size_t done = no_case;
    while (begun != 0) {
      --begun;
      if (cases[begun]->end_wait(self.given && self.chosen == begun, by_exception)) done = begun;
    }
    self.rivals.end();
    return done;
  }
};

/// Waits once; `no_case`: to be tried again.
std::size_t wait_for_one(scheduler& hub, std::span<select_case* const> cases) {
  record& self = hub.current_record();
  self.given = false;
  waits all{cases, self};
  instant first = never;
  std::size_t of_time = no_case;
  bool woken = true;
  try {
    for (select_case* each : cases) {
      if (!each->begin_wait(all.begun)) return all.end(false);
      if (each->deadline() < first) {
        first = each->deadline();
        of_time = all.begun;
      }
      ++all.begun;
    }
    woken = hub.park(self, "one of several", first);
  } catch (...) {
    all.end(true);
    throw;
  }
  const std::size_t done = all.end(false);
  return done != no_case || woken ? done : of_time;
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
