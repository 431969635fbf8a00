#include "hub/claimed_signal.hpp"

#include <array>
#include <cerrno>
#include <mutex>

#include "hub/descriptor.hpp"

namespace offshoot::detail {
namespace {

struct claims {
  unsigned number = 0;
  struct sigaction before {};
};

std::mutex claiming;
std::array<claims, NSIG> claimed;

bool has_handler(const struct sigaction& found) noexcept {
  return (found.sa_flags & SA_SIGINFO) != 0 ||
         (found.sa_handler != SIG_DFL && found.sa_handler != SIG_IGN);
}

}  // namespace

claimed_signal::claimed_signal(int signal, handler handle) : signal_(signal) {
  if (signal == 0) return;
  constexpr auto what = "a signal for a monitor";
  struct sigaction found {};
  const std::lock_guard hold(claiming);
  check_call(sigaction(signal, nullptr, &found), what);
  const bool ours = (found.sa_flags & SA_SIGINFO) != 0 && found.sa_sigaction == handle;
  if (!ours && has_handler(found)) throw_system_error(EBUSY, what);
  claims& here = claimed[static_cast<std::size_t>(signal)];
  if (here.number == 0) {
    struct sigaction wanted {};
    wanted.sa_sigaction = handle;
    wanted.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&wanted.sa_mask);
    check_call(sigaction(signal, &wanted, &here.before), what);
  }
  ++here.number;
}

claimed_signal::~claimed_signal() {
  if (signal_ == 0) return;
  const std::lock_guard hold(claiming);
  claims& here = claimed[static_cast<std::size_t>(signal_)];
  if (--here.number == 0) sigaction(signal_, &here.before, nullptr);
}

}  // namespace offshoot::detail
