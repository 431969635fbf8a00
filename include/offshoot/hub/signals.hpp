/// Signals as something to wait for.
#pragma once

#include <offshoot/export.hpp>

#include <csignal>
#include <initializer_list>

namespace offshoot {

namespace detail {
struct watch;
}

/// Takes signals out of their default way while it exists: they are blocked in the calling thread,
/// and in those that it starts from then on, and reported by `wait`. Threads that exist already
/// must block them themselves, so make it first. Belongs to the thread that made it.
///
/// In a simulation none are blocked, and those that come to the process take their way: `wait` is
/// told only of what simulate_signal() raises (simulation.hpp).
class OFFSHOOT_API signal_watcher {
 public:
  /// Throws std::system_error, for instance for a number that is no signal.
  explicit signal_watcher(std::initializer_list<int> signals);
  signal_watcher(const signal_watcher&) = delete;
  signal_watcher& operator=(const signal_watcher&) = delete;
  /// Unblocks what was not blocked before and no other watcher of the thread watches for: a signal
  /// that came and was not waited for takes its way.
  ~signal_watcher();

  /// Waits for one of the signals and returns its number. Throws std::system_error if another
  /// greenlet waits here already, `greenlet_exit` when killed meanwhile, and `timed_out`.
  int wait();

 private:
  detail::watch* watch_;
  sigset_t blocked_;
};

/// Waits for one of `signals`, which are watched only meanwhile, and returns its number.
OFFSHOOT_API int wait_for_signal(std::initializer_list<int> signals);

}  // namespace offshoot
