/// The calls by which a watched descriptor is read, written and closed, as of the system or of a
/// simulation. None blocks. Where a system call would return -1, these return -errno.
#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <span>
#include <string>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "hub/address.hpp"
#include "hub/descriptor.hpp"

namespace offshoot::detail {

class transport {
 public:
  virtual ssize_t receive(int fd, std::span<std::byte> into) = 0;
  /// Sends what `parts` lie in, one after the other, or the beginning of that.
  virtual ssize_t send(int fd, std::span<const iovec> parts) = 0;
  /// Sends bytes of a file, from `offset` on.
  virtual ssize_t send_file(int fd, int file, off_t offset, std::size_t count) = 0;
  /// Ends what this end sends.
  virtual int end(int fd) = 0;
  virtual int set_option(int fd, int level, int option, int value) = 0;
  virtual int get_option(int fd, int level, int option, int& value) = 0;
  virtual void close(int fd) noexcept = 0;
  /// Whether a call for `events`, POLLIN or POLLOUT, would not block: something can be done, or has
  /// ended or failed.
  virtual bool is_ready(int fd, short events);

 protected:
  ~transport() = default;  // lives as long as a hub, or for ever
};

/// A descriptor that came with a byte of a Unix stream.
struct passed_descriptor {
  descriptor taken;
  bool lost = false;  ///< there was one, and no room for it
};

/// How sockets and pipes are made, where signals come from, and what only some of them can do.
/// Addresses are those of IPv4, IPv6, or Unix sockets.
class network : public transport {
 public:
  /// A stream socket that listens at `own`; `shared`: where others that share it may listen, too.
  virtual int listen(const socket_address& own, int backlog, bool shared) = 0;
  /// A stream socket on its way to `peer`. `error` becomes 0 if it is there, or what connect(2)
  /// said; with EINPROGRESS the socket becomes writable when outcome() is known.
  virtual int connect(const socket_address& peer, int& error) = 0;
  virtual int outcome(int fd) = 0;
  virtual int accept(int listener) = 0;
  virtual int local_address(int fd, socket_address& found) = 0;

  /// A pair of Unix streams that are connected.
  virtual int make_pair(std::array<int, 2>& ends) = 0;
  virtual ssize_t send_descriptor(int fd, int given) = 0;
  virtual ssize_t receive_descriptor(int fd, passed_descriptor& into) = 0;

  /// A pipe: where it is read, and where it is written.
  virtual int make_pipe(std::array<int, 2>& ends) = 0;
  /// One end of a FIFO.
  virtual int open_fifo(const std::string& path, bool to_send) = 0;
  /// What tells of `signals`. Leaves in there those that the thread has to block for it.
  virtual int open_signals(sigset_t& signals) = 0;
  /// The number of one that has come.
  virtual int take_signal(int fd) = 0;
  /// The calls on what these four have made.
  virtual transport& files() noexcept = 0;

  /// A datagram socket at `own`; of that family and without a name if null.
  virtual int open_datagrams(int family, const socket_address* own) = 0;
  /// From here on only `peer` is heard.
  virtual int set_peer(int fd, const socket_address& peer) = 0;
  /// `to` null: to the peer.
  virtual ssize_t send_to(int fd, std::span<const std::byte> bytes, const socket_address* to) = 0;
  /// `cut`: it was longer than `into`.
  virtual ssize_t receive_from(int fd, std::span<std::byte> into, socket_address& from,
                               bool& cut) = 0;

 protected:
  ~network() = default;
};

/// The system's sockets.
network& system_network() noexcept;
/// One of them that has an address, and does not listen yet; or -errno.
int bind_socket(const socket_address& own, bool shared) noexcept;
/// Whatever else of the system can be read and written.
transport& system_files() noexcept;

/// What a call has returned: its result, or -errno.
template <class T>
T or_error(T result) noexcept {
  return result < 0 ? static_cast<T>(-errno) : result;
}

}  // namespace offshoot::detail
