#include <offshoot/hub/udp.hpp>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

watch* open_udp(std::uint16_t port, const std::string& address) {
  const socket_address own = parse_address(address, port);
  const int fd = check_call(
      ::socket(own.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  descriptor made(fd);
  if (bind(fd, own.get(), own.size) != 0) {
    throw_system_error(errno, "bind to " + print_address(address, port));
  }
  return open_watch(made.let_go(), system_network());
}

}  // namespace

udp_socket::udp_socket(std::uint16_t port, const std::string& address)
    : socket(open_udp(port, address)) {}

namespace {

/// Not inlined: an address is large, and whoever waits shall not keep room for one.
[[gnu::noinline]] ssize_t try_receive_datagram(int fd, datagram& into) {
  into.bytes = buffer::lease();
  socket_address from{};
  iovec part{into.bytes.data(), into.bytes.size()};
  msghdr message{};
  message.msg_name = &from.storage;
  message.msg_namelen = sizeof from.storage;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const ssize_t got = recvmsg(fd, &message, 0);
  if (got >= 0) {
    into.bytes.truncate(static_cast<std::size_t>(got));
    into.cut = (message.msg_flags & MSG_TRUNC) != 0;
    into.address = host_of(from);
    into.port = port_of(from);
  } else {
    into.bytes = buffer();
  }
  return got;
}

[[gnu::noinline]] ssize_t try_send_datagram(int fd, std::span<const std::byte> bytes,
                                            const std::string& address, std::uint16_t port) {
  const socket_address to = parse_address(address, port);
  return sendto(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, to.get(), to.size);
}

}  // namespace

datagram udp_socket::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  datagram received;
  call_when_ready(own, reading, operation, [&] { return try_receive_datagram(own.fd, received); });
  return received;
}

void udp_socket::send_to(std::span<const std::byte> bytes, const std::string& address,
                         std::uint16_t port) {
  constexpr auto operation = "send_to";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation,
                  [&] { return try_send_datagram(own.fd, bytes, address, port); });
}

void udp_socket::connect(const std::string& address, std::uint16_t port) {
  const watch& own = usable(watch_, "connect");
  const socket_address peer = parse_address(address, port);
  if (::connect(own.fd, peer.get(), peer.size) != 0) {
    throw_system_error(errno, "connect to " + print_address(address, port));
  }
}

void udp_socket::send(std::span<const std::byte> bytes) {
  constexpr auto operation = "send";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation,
                  [&] { return ::send(own.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
}

std::uint16_t udp_socket::local_port() const {
  return local_port_of(watch_);
}

}  // namespace offshoot
