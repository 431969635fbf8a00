/// Signals as the simulated network has them: raised by the program, taken by watchers, lowest
/// number first, and forgotten when nobody watches for them any more.
#include <offshoot/hub/simulation.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "hub/scheduler.hpp"
#include "hub/simulated_endpoint.hpp"

namespace offshoot {
namespace detail {

int simulated_network::open_signals(sigset_t& signals) {
  const name made = make(kind::signals);
  find(made)->signals = signals;
  for (const int never_told : {SIGKILL, SIGSTOP}) sigdelset(&find(made)->signals, never_told);
  sigemptyset(&signals);
  return number_of(made);
}

int simulated_network::take_signal(int fd) {
  const sigset_t& wanted = get(fd).signals;
  for (auto each = signals_.begin(); each != signals_.end(); ++each) {
    const int signal = each->first;
    if (sigismember(&wanted, signal) != 1) continue;
    if (--each->second == 0) signals_.erase(each);
    return signal;
  }
  return -EAGAIN;
}

bool simulated_network::is_watched(int signal) const noexcept {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [signal](const auto& each) {
    return each != nullptr && sigismember(&each->signals, signal) == 1;
  });
}

bool simulated_network::raise(int signal) {
  if (!is_watched(signal)) return false;
  unsigned& waiting = signals_[signal];
  waiting = signal < SIGRTMIN ? 1 : waiting + 1;
  for (const auto& each : endpoints_) {
    if (each != nullptr && sigismember(&each->signals, signal) == 1) tell(*each, true, false);
  }
  return true;
}

}  // namespace detail

bool simulate_signal(int signal) {
  using namespace detail;
  sigset_t valid;
  sigemptyset(&valid);
  check_call(sigaddset(&valid, signal), "simulate_signal");
  auto* const simulated =
      dynamic_cast<simulated_network*>(&scheduler::here().events().connections());
  if (simulated == nullptr) {
    throw greenlet_error(
        "offshoot: signals are simulated under the reactor 'virtual' only; this thread's is '" +
        reactor_name() + "'");
  }
  return simulated->raise(signal);
}

}  // namespace offshoot
