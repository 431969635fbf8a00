#include <offshoot/hub/tcp.hpp>

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// How long accept() leaves peers in the backlog when the system has run out of something.
constexpr instant pause_without_resources = 20'000'000;

watch* open_listener(std::uint16_t port, const std::string& address, int backlog) {
  const socket_address own = parse_address(address, port);
  descriptor made(check_call(
      ::socket(own.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  check_call(setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
  if (bind(made.get(), own.get(), own.size) != 0 || listen(made.get(), backlog) != 0) {
    throw_system_error(errno, "listen at " + print_address(address, port));
  }
  return open_watch(std::move(made));
}

bool out_of_resources(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
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

}  // namespace

tcp_listener::tcp_listener(std::uint16_t port, const std::string& address, int backlog)
    : socket(open_listener(port, address, backlog)) {}

tcp_stream tcp_listener::accept() {
  constexpr auto operation = "accept";
  watch& own = usable(watch_, operation);
  for (;;) {
    wait_until_ready(own, reading, operation);
    descriptor accepted(accept4(own.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.get() >= 0) {
      const int on = 1;
      setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // or a slower one
      return tcp_stream(open_watch(std::move(accepted)));
    }
    if (errno == EAGAIN) {
      own.ready[reading] = false;
    } else if (out_of_resources(errno)) {
      pause_until(own, reading, now() + pause_without_resources, operation);
    } else if (!concerns_peer(errno)) {
      throw_system_error(errno, operation);
    }
  }
}

}  // namespace offshoot
