/// For programs with a bug in a greenlet that has been away: its stack was out in its slice.
#pragma once

#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>
#include <offshoot/on_lane.hpp>

#include <cstdlib>
#include <utility>

namespace test {

inline void to_parent() {
  offshoot::greenlet::current().parent().switch_to();
}

/// Runs `body` as a greenlet until it has switched to its parent, has its stack moved away, calls
/// `meanwhile` and resumes it.
template <class F, class G>
void resume_from_slice(F body, G meanwhile) {
  offshoot::set_guard_mode(offshoot::guard_mode::off);  // it would leave the stack where it is
  offshoot::set_lane_count(1);
  const offshoot::greenlet away{std::move(body)};
  away.switch_to();
  const offshoot::greenlet in_its_place{&to_parent};
  in_its_place.switch_to();
  if (away.stack_saved_bytes() == 0) std::_Exit(90);
  meanwhile();
  away.switch_to();
}
template <class F>
void resume_from_slice(F body) {
  resume_from_slice(std::move(body), [] {});
}

}  // namespace test
