/// Watches a thread's hub from outside, for what the hub itself cannot tell: that a greenlet does
/// not give its thread away.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/spawn_site.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace offshoot {

namespace detail {
class monitor;
}

/// Who held a thread, in words that outlive it.
struct blocking_report {
  std::uint64_t id = 0;              ///< as greenlet::id()
  std::string name;                  ///< empty: it has none
  spawn_site site{"", 0};            ///< line 0: not known, as of a main greenlet
  std::chrono::nanoseconds held{0};  ///< for at least so long, when it was found out
  std::string text;                  ///< all of it and the back trace, as written to a descriptor
};

struct monitor_options {
  /// Whoever has the thread for longer, without a switch of the hub, is reported once. The main
  /// greenlet counts, too. Zero: nobody is reported.
  std::chrono::nanoseconds max_blocking_time = std::chrono::milliseconds(100);
  /// The signal on which the tree of greenlets is written; 0: none. It may come to any thread. All
  /// monitors of a process may have the same.
  int dump_signal = 0;
  /// What interrupts a thread whose hub does not answer.
  int interrupt_signal = SIGURG;
  /// Where to write. Not owned; lasts longer than the monitor.
  int fd = 2;
  /// Gets the reports of who blocks, which then are not written to `fd`; dumps still are. It is
  /// called on the monitor's thread, not in a signal handler: it may allocate, lock, and write a
  /// log. The thread that is watched runs on meanwhile: the greenlet may be past it or gone, and
  /// must not be touched; work for that thread is posted (hub::post). It must not wait for it: if
  /// that holds a lock which is wanted here, or is about to destroy the monitor, neither gets on.
  /// While it runs nobody is reported. What it throws goes to the unhandled handler (errors.hpp).
  std::function<void(const blocking_report&)> on_report = nullptr;
};

/// A thread that looks after the hub of the thread that made it, some twenty times a second.
///
/// It reports who blocks: for how long already, name, id, where it was spawned, and where it
/// stands. It dumps the tree as dump(fd) does: the hub itself does it at its next turn; but if that
/// does not come within `max_blocking_time`, or a tenth of a second, it is done where the thread
/// is.
///
/// For both, the thread is interrupted by a signal, whose handler runs on a stack of its own and
/// writes there and then. That happens only to who blocks. A system call that it is in is made
/// anew, but for those that never are, such as sleeps and polls: they fail with EINTR. The handler
/// is as careful as write_backtraces (trace.hpp). Amidst a switch it writes nothing, and is called
/// again.
///
/// A report for `on_report` is put down by the handler, and the monitor's thread hands it on at its
/// next look; or when the monitor is destroyed, which waits for that. After it nothing is called.
///
/// Made and destroyed on the same thread, one a thread. After a fork the child's has no thread and
/// does nothing.
class OFFSHOOT_API hub_monitor {
 public:
  /// Throws std::invalid_argument for a negative time and no `interrupt_signal`; std::system_error
  /// for what is no signal, and EBUSY for one that has a handler already; `greenlet_error` if the
  /// thread has a monitor already; `dangling_capture` if `on_report` refers to the caller's lane;
  /// what `hub::current()` throws.
  explicit hub_monitor(const monitor_options& chosen = {});
  hub_monitor(const hub_monitor&) = delete;
  hub_monitor& operator=(const hub_monitor&) = delete;
  /// The signals are handled again as they were before.
  ~hub_monitor();

  /// How many it has reported until now: written, or `on_report` is done with them.
  std::uint64_t reports() const noexcept;

 private:
  std::unique_ptr<detail::monitor> monitor_;
};

}  // namespace offshoot
