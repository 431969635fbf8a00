/// `udp_socket`: datagrams over IPv4 and IPv6.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/socket.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace offshoot {

struct datagram {
  buffer bytes;  ///< may be empty
  std::string address;
  std::uint16_t port = 0;
  bool cut = false;  ///< it was longer than a `buffer`
};

/// One greenlet may receive while another sends. Move-only; a moved-from one is closed.
class OFFSHOOT_API udp_socket : public detail::socket {
 public:
  /// At a numeric address; port 0: any free one, see local_port().
  explicit udp_socket(std::uint16_t port = 0, const std::string& address = "127.0.0.1");

  /// Waits for a datagram. Throws std::system_error: ECONNREFUSED if one that was sent to the
  /// connected peer came back.
  datagram receive();
  void send_to(std::span<const std::byte> bytes, const std::string& address, std::uint16_t port);
  void send_to(std::string_view text, const std::string& address, std::uint16_t port) {
    send_to(std::as_bytes(std::span(text)), address, port);
  }

  /// From here on only that peer is heard, and send() goes to it.
  void connect(const std::string& address, std::uint16_t port);
  void send(std::span<const std::byte> bytes);
  void send(std::string_view text) { send(std::as_bytes(std::span(text))); }

  std::uint16_t local_port() const;
};

}  // namespace offshoot
