/// `stream`: bytes in order, as TCP, Unix stream sockets and pipes carry them.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/buffer.hpp>
#include <offshoot/hub/socket.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace offshoot {

/// One end. One greenlet may receive while another sends; two that receive, or two that send, at
/// once is an error (EBUSY) for the second. Every operation that would block lets other greenlets
/// run instead. Killed or timed out where it waits, an operation that receives has taken nothing.
/// Move-only; a moved-from one is closed.
class OFFSHOOT_API stream : public detail::socket {
 public:
  /// Waits until something has come, and returns it; empty at the end of the stream. Memory is
  /// leased from the thread's pool only then: a stream that waits holds none, if the buffer before
  /// has gone, as in `while (const auto got = peer.receive())`. If there is no memory
  /// (std::bad_alloc) nothing has been taken.
  buffer receive();

  /// The same into the caller's memory: at least one byte, at most `into.size()`; 0 at the end of
  /// the stream, or if `into` is empty. The memory may lie on the caller's own stack.
  std::size_t receive_some(std::span<std::byte> into);

  /// Returns when all of `bytes` are in the hands of the system. A peer that does not read makes it
  /// wait. If it throws, any part may have been sent. Never raises SIGPIPE.
  void send_all(std::span<const std::byte> bytes);
  /// The same with characters: of a literal, without the zero at its end.
  void send_all(std::string_view text) { send_all(std::as_bytes(std::span(text))); }

  /// The same with what `parts` lie in, one after the other, gathered into few system calls. The
  /// array of parts must stay as long as the bytes: it may lie on the caller's own stack, too.
  void send_all(std::span<const std::span<const std::byte>> parts);

  /// Sends `count` bytes of the open file `file` from `offset` on, or fewer if it ends before, and
  /// returns how many. They do not pass through the program; reading them from a disk holds up the
  /// thread.
  std::uint64_t send_file(int file, std::uint64_t offset, std::uint64_t count);

  /// Ends the stream in this direction; the peer sees its end after what was sent. Not for pipes
  /// (ENOTSOCK): close those.
  void shutdown_send();

 protected:
  using socket::socket;
};

}  // namespace offshoot
