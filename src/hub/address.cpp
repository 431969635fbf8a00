#include "hub/address.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <system_error>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "hub/descriptor.hpp"

namespace offshoot::detail {

namespace {

/// The number of a network interface that is given by name or number; 0 if there is none.
std::uint32_t parse_scope(const std::string& text) noexcept {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : if_nametoindex(text.c_str());
}

std::string print_scope(std::uint32_t scope) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(scope, name.data()) != nullptr ? name.data() : std::to_string(scope);
}

/// One of a link is followed by that one's name or number, as in "fe80::1%eth0".
bool parse_v6(const std::string& text, sockaddr_in6& into) {
  const std::size_t percent = text.find('%');
  if (percent == std::string::npos) return inet_pton(AF_INET6, text.c_str(), &into.sin6_addr) == 1;
  into.sin6_scope_id = parse_scope(text.substr(percent + 1));
  return into.sin6_scope_id != 0 &&
         inet_pton(AF_INET6, text.substr(0, percent).c_str(), &into.sin6_addr) == 1;
}

}  // namespace

socket_address parse_address(const std::string& text, std::uint16_t port) {
  socket_address parsed{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(parsed.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(parsed.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    parsed.size = sizeof v4;
  } else if (parse_v6(text, v6)) {
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
  if (address.storage.ss_family != AF_INET6) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
    return inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  const std::string host = text.data();
  return v6.sin6_scope_id != 0 ? host + "%" + print_scope(v6.sin6_scope_id) : host;
}

socket_address parse_path(const std::string& path) {
  socket_address parsed{};
  auto& to = reinterpret_cast<sockaddr_un&>(parsed.storage);
  if (path.empty()) throw_system_error(EINVAL, "a Unix socket needs a path");
  // One in the file system ends with a zero byte, of an abstract one that would be part.
  const std::size_t end = path.front() != '\0' ? 1 : 0;
  if (path.size() + end > sizeof to.sun_path) throw_system_error(ENAMETOOLONG, print_path(path));
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, path.size());
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
