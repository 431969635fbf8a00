#include "hub/address.hpp"

#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>

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

std::string print_address(const std::string& text, std::uint16_t port) {
  const bool v6 = text.find(':') != std::string::npos;
  return (v6 ? "[" + text + "]:" : text + ":") + std::to_string(port);
}

}  // namespace offshoot::detail
