/// Numeric Internet addresses, and paths of Unix sockets.
#pragma once

#include <cstdint>
#include <string>

#include <sys/socket.h>

namespace offshoot::detail {

struct socket_address {
  sockaddr_storage storage;
  socklen_t size;

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Throws std::system_error (EINVAL) if `text` is neither a numeric IPv4 nor an IPv6 address. What
/// is of one link has the interface's name or number behind it, as in "fe80::1%eth0".
socket_address parse_address(const std::string& text, std::uint16_t port);

/// The port of an IPv4 or IPv6 address.
std::uint16_t port_of(const socket_address& address) noexcept;
void set_port(socket_address& address, std::uint16_t port) noexcept;

/// The numeric text of an IPv4 or IPv6 address.
std::string host_of(const socket_address& address);

/// That of a Unix socket; abstract if `path` begins with a zero byte. Throws std::system_error:
/// EINVAL if it is empty, ENAMETOOLONG.
socket_address parse_path(const std::string& path);
/// The path in one, as parse_path() takes it.
std::string path_of(const socket_address& address);
/// For messages.
std::string print_path(const std::string& path);

/// "text:port", for messages.
std::string print_address(const std::string& text, std::uint16_t port);

}  // namespace offshoot::detail
