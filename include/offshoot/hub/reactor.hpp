/// What a hub waits with, and how to choose it.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/simulation.hpp>

#include <string>
#include <vector>

namespace offshoot {

/// The reactors of this library, best first: `epoll`, `poll`, and `virtual`, whose time and network
/// are simulated (simulation.hpp).
OFFSHOOT_API std::vector<std::string> reactor_names();

/// How a hub shall be made.
struct hub_options {
  /// One of reactor_names(). Empty: the one that the environment's OFFSHOOT_REACTOR names, or else
  /// the best.
  std::string reactor = {};
  /// For the reactor `virtual`; the others have no use for it.
  simulation simulated = {};
};

/// Makes the calling thread's hub. Who does not call it gets one with the default options when it
/// is first needed. Throws `greenlet_error` if the thread has a hub already, or if there is no
/// reactor of that name; std::bad_alloc, std::system_error; and `not_startable` when the thread is
/// ending.
OFFSHOOT_API void start_hub(const hub_options& chosen);

/// The name of the reactor of the calling thread's hub, made if need be.
OFFSHOOT_API std::string reactor_name();

}  // namespace offshoot
