#include <offshoot/hub/tcp.hpp>

#include <cerrno>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// The result of a call that takes the address for a listener's, or an exception.
int check_listener(int result, const std::string& address, std::uint16_t port) {
  if (result < 0) throw_system_error(-result, "listen at " + print_address(address, port));
  return result;
}

watch* open_listener(const std::string& address, std::uint16_t port, int backlog, bool shared) {
  const socket_address own = parse_address(address, port);
  network& net = sockets_here();
  return open_watch(check_listener(net.listen(own, backlog, shared), address, port), net);
}

}  // namespace

tcp_stream tcp_stream::connect(const std::string& address, std::uint16_t port) {
  const socket_address peer = parse_address(address, port);
  network& net = sockets_here();
  int error = 0;
  const int fd = check_result(net.connect(peer, error), "connect");
  tcp_stream connected(open_watch(fd, net));
  error = outcome_of_connect(*connected.watch_, net, error);
  if (error != 0) throw_system_error(error, "connect to " + print_address(address, port));
  return connected;
}

std::uint16_t tcp_stream::local_port() const {
  return local_port_of(watch_);
}

tcp_listener::tcp_listener(std::uint16_t port, const std::string& address, int backlog)
    : tcp_listener(address, port, backlog, false) {}

tcp_listener::tcp_listener(const std::string& address, std::uint16_t port, int backlog, bool shared)
    : socket(open_listener(address, port, backlog, shared)) {}

tcp_stream tcp_listener::accept() {
  usable(watch_, "accept");  // elsewhere no hub is made for that
  return tcp_stream(accept_watch(watch_, sockets_here()));
}

std::uint16_t tcp_listener::local_port() const {
  return local_port_of(watch_);
}

shared_port::shared_port(std::uint16_t port, const std::string& address)
    : address_(address),
      port_(port),
      kept_(check_listener(bind_socket(parse_address(address, port), true), address, port)) {
  socket_address bound{};
  check_result(system_network().local_address(kept_.get(), bound), "local_port");
  port_ = port_of(bound);
}

tcp_listener shared_port::listen(int backlog) const {
  return tcp_listener(address_, port_, backlog, true);
}

}  // namespace offshoot
