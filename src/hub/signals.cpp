#include <offshoot/hub/signals.hpp>

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

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
  const sigset_t wanted = set_of(signals);
  watch_ = open_watch(check_call(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd"),
                      system_files());
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

signal_watcher::~signal_watcher() {
  close_watch(watch_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int signal_watcher::wait() {
  constexpr auto operation = "wait for a signal";
  watch& own = usable(watch_, operation);
  signalfd_siginfo got;
  call_when_ready(own, reading, operation,
                  [&] { return or_error(read(own.fd, &got, sizeof got)); });
  return static_cast<int>(got.ssi_signo);
}

int wait_for_signal(std::initializer_list<int> signals) {
  return signal_watcher(signals).wait();
}

}  // namespace offshoot
