#include <offshoot/hub/signals.hpp>

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

}  // namespace

signal_watcher::signal_watcher(std::initializer_list<int> signals) {
  sigset_t wanted = set_of(signals);
  network& net = sockets_here();
  watch_ = open_watch(check_result(net.open_signals(wanted), "signalfd"), net.files());
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

signal_watcher::~signal_watcher() {
  close_watch(watch_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
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
