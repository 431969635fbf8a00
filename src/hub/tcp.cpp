#include <offshoot/hub/tcp.hpp>

#include <cerrno>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

watch* open_listener(std::uint16_t port, const std::string& address, int backlog) {
  const socket_address own = parse_address(address, port);
  network& net = scheduler::here().events().connections();
  const int fd = net.listen(own, backlog);
  if (fd < 0) throw_system_error(-fd, "listen at " + print_address(address, port));
  return open_watch(fd, net);
}

}  // namespace

tcp_stream tcp_stream::connect(const std::string& address, std::uint16_t port) {
  const socket_address peer = parse_address(address, port);
  network& net = scheduler::here().events().connections();
  int error = 0;
  const int fd = check_result(net.connect(peer, error), "connect");
  tcp_stream connected(open_watch(fd, net));
  watch& own = *connected.watch_;
  if (error == EINPROGRESS || error == EINTR) {
    own.ready[writing] = false;
    wait_until_ready(own, writing, "connect");
    error = -net.outcome(fd);
  }
  if (error != 0) throw_system_error(error, "connect to " + print_address(address, port));
  return connected;
}

std::uint16_t tcp_stream::local_port() const {
  return local_port_of(watch_);
}

tcp_listener::tcp_listener(std::uint16_t port, const std::string& address, int backlog)
    : socket(open_listener(port, address, backlog)) {}

tcp_stream tcp_listener::accept() {
  usable(watch_, "accept");  // elsewhere no hub is made for that
  return tcp_stream(accept_watch(watch_, scheduler::here().events().connections()));
}

std::uint16_t tcp_listener::local_port() const {
  return local_port_of(watch_);
}

}  // namespace offshoot
