/// A signal that the library handles while somebody needs it.
#pragma once

#include <csignal>

namespace offshoot::detail {

class claimed_signal {
 public:
  using handler = void (*)(int signal, siginfo_t* info, void* context);

  /// `signal` is handled by `handle`, on any thread, until the last claim of it has gone. 0: none.
  /// Throws std::system_error: EINVAL for what is no signal, EBUSY if it has another handler.
  claimed_signal(int signal, handler handle);
  claimed_signal(const claimed_signal&) = delete;
  claimed_signal& operator=(const claimed_signal&) = delete;
  /// What was done on the signal before is done again.
  ~claimed_signal();

  int number() const noexcept { return signal_; }

 private:
  int signal_;
};

}  // namespace offshoot::detail
