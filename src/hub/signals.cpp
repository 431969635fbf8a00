#include <offshoot/hub/signals.hpp>

#include <array>

#include <pthread.h>

#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int each : signals) check_call(sigaddset(&set, each), "signal_watcher");
  return set;
}

/// What this thread's watchers have blocked, each by how many of them: they may go in any order.
struct blocking {
  std::array<unsigned, NSIG> watchers{};
  sigset_t before;  ///< of those that are watched: the mask when the first watcher came
};
thread_local blocking blocked;

template <class F>
void for_each_in(const sigset_t& set, F act) {
  for (int each = 1; each < NSIG; ++each) {
    if (sigismember(&set, each) == 1) act(each, blocked.watchers[static_cast<std::size_t>(each)]);
  }
}

void block(const sigset_t& wanted) noexcept {
  sigset_t now;
  pthread_sigmask(SIG_BLOCK, &wanted, &now);
  for_each_in(wanted, [&now](int signal, unsigned& watchers) {
    if (watchers++ != 0) return;
    (sigismember(&now, signal) == 1 ? sigaddset : sigdelset)(&blocked.before, signal);
  });
}

void unblock(const sigset_t& wanted) noexcept {
  sigset_t free;
  sigemptyset(&free);
  for_each_in(wanted, [&free](int signal, unsigned& watchers) {
    if (--watchers == 0 && sigismember(&blocked.before, signal) == 0) sigaddset(&free, signal);
  });
  pthread_sigmask(SIG_UNBLOCK, &free, nullptr);
}

}  // namespace

signal_watcher::signal_watcher(std::initializer_list<int> signals) : blocked_(set_of(signals)) {
  network& net = sockets_here();
  watch_ = open_watch(check_result(net.open_signals(blocked_), "signalfd"), net.files());
  block(blocked_);
}

signal_watcher::~signal_watcher() {
  abandon_watch(watch_);  // the hub may have gone
  unblock(blocked_);
}

int signal_watcher::wait() {
  constexpr auto operation = "wait for a signal";
  watch& own = usable(watch_, operation);
  return static_cast<int>(call_when_ready(
      own, reading, operation, [&] { return ssize_t{sockets_here().take_signal(own.fd)}; }));
}

int wait_for_signal(std::initializer_list<int> signals) {
  return signal_watcher(signals).wait();
}

}  // namespace offshoot
