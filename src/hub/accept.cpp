/// Accepting connections, whatever goes wrong with one of them or with the system.
#include <cerrno>

#include "hub/socket.hpp"

namespace offshoot::detail {
namespace {

/// How long accept() leaves peers in the backlog when the system has run out of something.
constexpr instant pause_without_resources = 20'000'000;

bool out_of_resources(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == ENOSPC;
}

/// Errors of the connection that would have been accepted, not of the listener: Linux hands a new
/// socket's pending errors out here.
bool concerns_peer(int error) noexcept {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

/// Null, and it is closed, if the system has no room to watch it. Not inlined: the frames of those
/// that wait are to be small.
[[gnu::noinline]] watch* try_watch(int accepted, network& from) {
  try {
    return open_watch(accepted, from);
  } catch (const std::system_error& error) {
    if (!out_of_resources(error.code().value())) throw;
    return nullptr;
  }
}

}  // namespace

watch* accept_watch(watch* listener, network& from) {
  constexpr auto operation = "accept";
  watch& own = usable(listener, operation);
  for (;;) {
    wait_until_ready(own, reading, operation);
    const int accepted = from.accept(own.fd);
    watch* const watched = accepted >= 0 ? try_watch(accepted, from) : nullptr;
    if (watched != nullptr) return watched;
    const int error = accepted >= 0 ? ENOSPC : -accepted;
    if (error == EAGAIN) {
      own.ready[reading] = false;
    } else if (out_of_resources(error)) {
      pause_until(own, reading, now() + pause_without_resources, operation);
    } else if (!concerns_peer(error)) {
      throw_system_error(error, operation);
    }
  }
}

}  // namespace offshoot::detail
