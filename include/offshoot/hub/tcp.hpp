/// TCP: `tcp_listener` and `tcp_stream`. Every operation that would block lets other greenlets run
/// instead. Errors are std::system_error; what() names the operation.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace offshoot {

namespace detail {

struct watch;

/// What listener and stream have in common: a descriptor that the hub watches. Belongs to the
/// thread that made it: elsewhere it can only be moved and destroyed, all else throws
/// `wrong_thread`.
class OFFSHOOT_API socket {
 public:
  socket(socket&& other) noexcept : watch_(std::exchange(other.watch_, nullptr)) {}
  socket& operator=(socket&& other) noexcept {
    std::swap(watch_, other.watch_);
    return *this;
  }
  /// Closes it.
  ~socket();

  /// Closes the socket. A greenlet that waits on it gets a std::system_error (ECANCELED) there.
  /// No-op if closed already. Throws `wrong_thread`.
  void close();
  /// Whether it has not been closed or moved from.
  bool is_open() const noexcept;
  /// The port at this end. Throws std::system_error if closed.
  std::uint16_t local_port() const;
  /// The descriptor, for socket options; still owned by this object. Throws if closed.
  int native_handle() const;

 protected:
  explicit socket(watch* owned) noexcept : watch_(owned) {}

  watch* watch_;
};

}  // namespace detail

/// A connection. One greenlet may receive while another sends; two that receive, or two that send,
/// at once is an error (EBUSY) for the second. Move-only; a moved-from one is closed.
class OFFSHOOT_API tcp_stream : public detail::socket {
 public:
  /// Connects to a numeric IPv4 or IPv6 address. Nagle's delay is off.
  static tcp_stream connect(const std::string& address, std::uint16_t port);

  /// Waits until something has come, and returns it; empty at the end of the stream. Memory is
  /// leased from the thread's pool only then: a connection that waits holds none, if the buffer
  /// before has gone, as in `while (const auto got = stream.receive())`.
  buffer receive();

  /// The same into the caller's memory: at least one byte, at most `into.size()`; 0 at the end of
  /// the stream, or if `into` is empty. The memory may lie on the caller's own stack.
  std::size_t receive_some(std::span<std::byte> into);

  /// Returns when all of `bytes` are in the hands of the system. A peer that does not read makes it
  /// wait. If it throws, any part may have been sent. Never raises SIGPIPE.
  void send_all(std::span<const std::byte> bytes);

  /// Ends the stream in this direction; the peer sees its end after what was sent.
  void shutdown_send();

 private:
  friend class tcp_listener;
  using socket::socket;
};

/// A socket that accepts connections.
class OFFSHOOT_API tcp_listener : public detail::socket {
 public:
  /// Listens at a numeric IPv4 or IPv6 address; port 0: any free one, see local_port(). Up to
  /// `backlog` connections may wait to be accepted.
  explicit tcp_listener(std::uint16_t port, const std::string& address = "127.0.0.1",
                        int backlog = 4096);

  /// Waits for a connection. Out of descriptors or memory, it tries again after a pause instead of
  /// throwing: peers wait meanwhile in the backlog. Nagle's delay is off.
  tcp_stream accept();
};

}  // namespace offshoot
