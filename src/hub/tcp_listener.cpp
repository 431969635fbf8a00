#include <offshoot/hub/tcp.hpp>

#include <cerrno>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// How long accept() leaves peers in the backlog when the system has run out of something.
constexpr instant pause_without_resources = 20'000'000;

watch* open_listener(std::uint16_t port, const std::string& address, int backlog) {
  const socket_address own = parse_address(address, port);
  network& net = scheduler::here().events().connections();
  const int fd = net.listen(own, backlog);
  if (fd < 0) throw_system_error(-fd, "listen at " + print_address(address, port));
  return open_watch(fd, net);
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
  network& net = scheduler::find()->events().connections();
  for (;;) {
    wait_until_ready(own, reading, operation);
    const int accepted = net.accept(own.fd);
    if (accepted >= 0) return tcp_stream(open_watch(accepted, net));
    const int error = -accepted;
    if (error == EAGAIN) {
      own.ready[reading] = false;
    } else if (out_of_resources(error)) {
      pause_until(own, reading, now() + pause_without_resources, operation);
    } else if (!concerns_peer(error)) {
      throw_system_error(error, operation);
    }
  }
}

}  // namespace offshoot
