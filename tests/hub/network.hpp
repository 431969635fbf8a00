/// Two ends of a connection for tests, and plain sockets for peers that misbehave.
#pragma once

#include <offshoot/hub.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace test {

struct connection {
  offshoot::tcp_stream client;
  offshoot::tcp_stream server;
};

inline connection connect_pair() {
  offshoot::tcp_listener listener(0);
  auto client = offshoot::tcp_stream::connect("127.0.0.1", listener.local_port());
  return {std::move(client), listener.accept()};
}

/// The error code of what `call` throws; none if it does not.
template <class F>
std::error_code error_of(F call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::vector<std::byte> random_bytes(std::size_t count, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::vector<std::byte> made(count);
  for (std::byte& each : made) each = static_cast<std::byte>(random() >> 8U);
  return made;
}

/// Everything until the peer's end.
inline std::vector<std::byte> receive_all(offshoot::stream& from) {
  std::vector<std::byte> all;
  while (const auto got = from.receive()) {
    all.insert(all.end(), got.bytes().begin(), got.bytes().end());
  }
  return all;
}

/// A blocking socket of the system, for what tcp_stream does not do.
class raw_peer {
 public:
  explicit raw_peer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  raw_peer(raw_peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~raw_peer() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const noexcept { return fd_; }
  void send(std::string_view text) const {
    REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  /// Ends the connection with a reset instead of an orderly end.
  void reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    REQUIRE(setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

}  // namespace test
