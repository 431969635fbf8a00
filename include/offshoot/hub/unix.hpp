/// Unix sockets: streams, listeners and datagrams between programs of one machine, named by paths.
/// A path that begins with a zero byte names an abstract socket, which is in no file system. In a
/// simulation none is: a name is there as long as its socket.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/descriptor.hpp>
#include <offshoot/hub/stream.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace offshoot {

/// A connection.
class OFFSHOOT_API unix_stream : public stream {
 public:
  /// While the listener's backlog is full, tries again after pauses.
  static unix_stream connect(const std::string& path);
  /// Two ends that are connected with each other.
  static std::pair<unix_stream, unix_stream> make_pair();

  /// Gives the peer a copy of a descriptor of the system, together with one byte, 0, of the stream.
  void send_descriptor(int given);
  /// Waits for a descriptor and takes it. Throws std::system_error: EBADMSG if what came next is
  /// a byte of the stream without one, which is lost; ECONNRESET at the end of the stream; EMFILE
  /// if there is no room for it here, and it is lost.
  descriptor receive_descriptor();

 private:
  friend class unix_listener;
  explicit unix_stream(detail::watch* owned) noexcept;
};

/// A socket that accepts connections. Its path is not removed: std::filesystem::remove does that.
class OFFSHOOT_API unix_listener : public detail::socket {
 public:
  explicit unix_listener(const std::string& path, int backlog = 4096);
  /// As tcp_listener's.
  unix_stream accept();
};

/// Messages, each whole or not at all.
class OFFSHOOT_API unix_datagram : public detail::socket {
 public:
  /// One that has no name: it can send.
  unix_datagram();
  /// Receives what is sent to `path`.
  explicit unix_datagram(const std::string& path);

  /// Waits for a message; what does not fit into a `buffer` is cut off. It may be empty.
  buffer receive();
  /// Sends a message; while the receiver has no room, tries again after pauses.
  void send_to(std::span<const std::byte> message, const std::string& path);
  void send_to(std::string_view message, const std::string& path) {
    send_to(std::as_bytes(std::span(message)), path);
  }
};

}  // namespace offshoot
