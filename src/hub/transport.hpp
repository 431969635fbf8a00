/// The calls by which a watched descriptor is read, written and closed, as of the system or of a
/// simulation. None blocks. Where a system call would return -1, these return -errno.
#pragma once

#include <cstddef>
#include <span>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "hub/address.hpp"

namespace offshoot::detail {

class transport {
 public:
  virtual ssize_t receive(int fd, std::span<std::byte> into) = 0;
  /// Sends what `parts` lie in, one after the other, or the beginning of that.
  virtual ssize_t send(int fd, std::span<const iovec> parts) = 0;
  virtual void close(int fd) noexcept = 0;

 protected:
  ~transport() = default;  // lives as long as a hub, or for ever
};

/// TCP.
class network : public transport {
 public:
  /// A socket that listens at `own`.
  virtual int listen(const socket_address& own, int backlog) = 0;
  /// A socket on its way to `peer`. `error` becomes 0 if it is there, or what connect(2) said; with
  /// EINPROGRESS the socket becomes writable when outcome() is known.
  virtual int connect(const socket_address& peer, int& error) = 0;
  virtual int outcome(int fd) = 0;
  virtual int accept(int listener) = 0;
  /// Ends what this end sends.
  virtual int end(int fd) = 0;
  virtual int local_address(int fd, socket_address& found) = 0;

 protected:
  ~network() = default;
};

/// The system's sockets.
network& system_network() noexcept;

}  // namespace offshoot::detail
