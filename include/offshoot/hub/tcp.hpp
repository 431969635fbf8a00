/// TCP: `tcp_listener`, `tcp_stream` and `shared_port`.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/descriptor.hpp>
#include <offshoot/hub/stream.hpp>

#include <cstdint>
#include <string>

namespace offshoot {

/// A connection.
class OFFSHOOT_API tcp_stream : public stream {
 public:
  /// Connects to a numeric IPv4 or IPv6 address. Nagle's delay is off.
  static tcp_stream connect(const std::string& address, std::uint16_t port);

  /// The port at this end. Throws std::system_error if closed.
  std::uint16_t local_port() const;

 private:
  friend class tcp_listener;
  using stream::stream;
};

/// A socket that accepts connections. Errors are std::system_error; what() names the operation.
class OFFSHOOT_API tcp_listener : public detail::socket {
 public:
  /// Listens at a numeric IPv4 or IPv6 address; port 0: any free one, see local_port(). Up to
  /// `backlog` connections may wait to be accepted.
  explicit tcp_listener(std::uint16_t port, const std::string& address = "127.0.0.1",
                        int backlog = 4096);

  /// Waits for a connection. Out of descriptors or memory, it tries again after a pause instead of
  /// throwing: peers wait meanwhile in the backlog. One that the system has no room to watch is
  /// closed. Nagle's delay is off.
  tcp_stream accept();

  /// The port at this end. Throws std::system_error if closed.
  std::uint16_t local_port() const;

 private:
  friend class shared_port;
  tcp_listener(const std::string& address, std::uint16_t port, int backlog, bool shared);
};

/// A port for one listener on each of several threads (SO_REUSEPORT): the system spreads the
/// connections over those that listen. While it exists the port is kept, so what is wrong with the
/// address is known before any thread begins. Before the first thread listens, peers are refused.
/// Other programs of the same user may share the port as well. May be used on any thread.
class OFFSHOOT_API shared_port {
 public:
  /// Port 0: any free one. Throws std::system_error, for instance if a listener has the port that
  /// does not share it.
  explicit shared_port(std::uint16_t port = 0, const std::string& address = "127.0.0.1");

  std::uint16_t number() const noexcept { return port_; }
  /// A listener of the calling thread's. Throws as the constructors of that.
  tcp_listener listen(int backlog = 4096) const;

 private:
  std::string address_;
  std::uint16_t port_;
  descriptor kept_;
};

}  // namespace offshoot
