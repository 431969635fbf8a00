#include <offshoot/hub/signals.hpp>

#include <cerrno>

#include <pthread.h>
#include <sys/signalfd.h>

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
                      system_network());
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

signal_watcher::~signal_watcher() {
  close_watch(watch_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int signal_watcher::wait() {
  constexpr auto operation = "wait for a signal";
  watch& own = usable(watch_, operation);
  for (;;) {
    wait_until_ready(own, reading, operation);
    signalfd_siginfo got;
    if (read(own.fd, &got, sizeof got) == sizeof got) return static_cast<int>(got.ssi_signo);
    if (errno == EAGAIN) {
      own.ready[reading] = false;
    } else if (errno != EINTR) {
      throw_system_error(errno, operation);
    }
  }
}

int wait_for_signal(std::initializer_list<int> signals) {
  return signal_watcher(signals).wait();
}

}  // namespace offshoot
