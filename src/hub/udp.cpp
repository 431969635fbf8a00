#include <offshoot/hub/udp.hpp>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

watch* open_udp(std::uint16_t port, const std::string& address) {
  const socket_address own = parse_address(address, port);
  network& net = sockets_here();
  const int fd = net.open_datagrams(own.storage.ss_family, &own);
  if (fd < 0) throw_system_error(-fd, "bind to " + print_address(address, port));
  return open_watch(fd, net);
}

}  // namespace

udp_socket::udp_socket(std::uint16_t port, const std::string& address)
    : socket(open_udp(port, address)) {}

namespace {

/// Not inlined: an address is large, and whoever waits shall not keep room for one.
[[gnu::noinline]] ssize_t try_receive_datagram(network& net, int fd, datagram& into) {
  into.bytes = buffer::lease();
  socket_address from{};
  const ssize_t got = net.receive_from(fd, into.bytes.bytes(), from, into.cut);
  if (got >= 0) {
    into.bytes.truncate(static_cast<std::size_t>(got));
    into.address = host_of(from);
    into.port = port_of(from);
  } else {
    into.bytes = buffer();
  }
  return got;
}

[[gnu::noinline]] ssize_t try_send_datagram(network& net, int fd, std::span<const std::byte> bytes,
                                            const std::string& address, std::uint16_t port) {
  const socket_address to = parse_address(address, port);
  return net.send_to(fd, bytes, &to);
}

}  // namespace

datagram udp_socket::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  datagram received;
  call_when_ready(own, reading, operation,
                  [&] { return try_receive_datagram(sockets_here(), own.fd, received); });
  return received;
}

void udp_socket::send_to(std::span<const std::byte> bytes, const std::string& address,
                         std::uint16_t port) {
  constexpr auto operation = "send_to";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation,
                  [&] { return try_send_datagram(sockets_here(), own.fd, bytes, address, port); });
}

void udp_socket::connect(const std::string& address, std::uint16_t port) {
  const watch& own = usable(watch_, "connect");
  const socket_address peer = parse_address(address, port);
  if (const int failed = sockets_here().set_peer(own.fd, peer); failed < 0) {
    throw_system_error(-failed, "connect to " + print_address(address, port));
  }
}

void udp_socket::send(std::span<const std::byte> bytes) {
  constexpr auto operation = "send";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation,
                  [&] { return sockets_here().send_to(own.fd, bytes, nullptr); });
}

std::uint16_t udp_socket::local_port() const {
  return local_port_of(watch_);
}

}  // namespace offshoot
