/// For calls that raise SIGPIPE and cannot be told not to.
#pragma once

#include <csignal>
#include <ctime>

#include <pthread.h>

namespace offshoot::detail {

/// While it exists this thread gets no SIGPIPE; one that has come is gone with it.
class without_sigpipe {
 public:
  without_sigpipe() noexcept {
    sigemptyset(&only_);
    sigaddset(&only_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &only_, &before_);
  }
  ~without_sigpipe() {
    const timespec at_once{};
    sigset_t waiting;
    if (sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE) == 1) {
      sigtimedwait(&only_, nullptr, &at_once);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;

 private:
  sigset_t only_;
  sigset_t before_;
};

}  // namespace offshoot::detail
