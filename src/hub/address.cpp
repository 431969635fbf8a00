#include "hub/address.hpp"

#include <array>
#include <cerrno>
#include <cstddef>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "hub/descriptor.hpp"

namespace offshoot::detail {

socket_address parse_address(const std::string& text, std::uint16_t port) {
  socket_address parsed{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(parsed.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(parsed.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    parsed.size = sizeof v4;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    parsed.size = sizeof v6;
  } else {
    throw_system_error(EINVAL, "'" + text + "' is neither a numeric IPv4 nor an IPv6 address");
  }
  return parsed;
}

namespace {

in_port_t& port_in(sockaddr_storage& address) noexcept {
  return address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                       : reinterpret_cast<sockaddr_in&>(address).sin_port;
}

}  // namespace

std::uint16_t port_of(const socket_address& address) noexcept {
  return ntohs(port_in(const_cast<sockaddr_storage&>(address.storage)));
}

void set_port(socket_address& address, std::uint16_t port) noexcept {
  port_in(address.storage) = htons(port);
}

std::string host_of(const socket_address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const bytes =
      address.storage.ss_family == AF_INET6
          ? static_cast<const void*>(
                &reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr)
          : &reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr;
  inet_ntop(address.storage.ss_family, bytes, text.data(), text.size());
  return text.data();
}

socket_address parse_path(const std::string& path) {
  socket_address parsed{};
  auto& to = reinterpret_cast<sockaddr_un&>(parsed.storage);
  if (path.empty()) throw_system_error(EINVAL, "a Unix socket needs a path");
  if (path.size() >= sizeof to.sun_path) throw_system_error(ENAMETOOLONG, print_path(path));
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, path.size());
  // One in the file system ends with a zero byte, of an abstract one that would be part.
  const std::size_t end = path.front() != '\0' ? 1 : 0;
  parsed.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + end);
  return parsed;
}

std::string path_of(const socket_address& address) {
  const auto& from = reinterpret_cast<const sockaddr_un&>(address.storage);
  const std::size_t end = from.sun_path[0] != '\0' ? 1 : 0;
  return {from.sun_path, address.size - offsetof(sockaddr_un, sun_path) - end};
}

std::string print_path(const std::string& path) {
  std::string text = path;
  if (!text.empty() && text.front() == '\0') text.front() = '@';
  return text;
}

std::string print_address(const std::string& text, std::uint16_t port) {
  const bool v6 = text.find(':') != std::string::npos;
  return (v6 ? "[" + text + "]:" : text + ":") + std::to_string(port);
}

}  // namespace offshoot::detail
