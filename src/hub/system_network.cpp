/// The system's TCP. Nagle's delay is off for every stream.
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "hub/transport.hpp"
#include "hub/without_sigpipe.hpp"

namespace offshoot::detail {
namespace {

constexpr int stream_type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/// `fd`, or, closing it, the error of the call before.
int unless_failed(bool failed, int fd) noexcept {
  if (!failed) return fd;
  const int error = errno;
  ::close(fd);
  return -error;
}

void send_at_once(int fd) noexcept {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // or a slower one
}

}  // namespace

int bind_socket(const socket_address& own, bool shared) noexcept {
  const int fd = or_error(::socket(own.storage.ss_family, stream_type, 0));
  if (fd < 0) return fd;
  const int on = 1;
  return unless_failed(
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
          (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
          bind(fd, own.get(), own.size) != 0,
      fd);
}

namespace {

class sockets final : public network {
 public:
  ssize_t receive(int fd, std::span<std::byte> into) override {
    return or_error(recv(fd, into.data(), into.size(), 0));
  }

  ssize_t send(int fd, std::span<const iovec> parts) override {
    if (parts.size() == 1) {
      return or_error(::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL));
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    return or_error(sendmsg(fd, &message, MSG_NOSIGNAL));
  }

  ssize_t send_file(int fd, int file, off_t offset, std::size_t count) override {
    const without_sigpipe held;
    return or_error(sendfile(fd, file, &offset, count));
  }

  int end(int fd) override { return or_error(shutdown(fd, SHUT_WR)); }

  int set_option(int fd, int level, int option, int value) override {
    return or_error(setsockopt(fd, level, option, &value, sizeof value));
  }

  int get_option(int fd, int level, int option, int& value) override {
    socklen_t size = sizeof value;
    return or_error(getsockopt(fd, level, option, &value, &size));
  }

  void close(int fd) noexcept override { ::close(fd); }

  int listen(const socket_address& own, int backlog, bool shared) override {
    const int fd = bind_socket(own, shared);
    return fd < 0 ? fd : unless_failed(::listen(fd, backlog) != 0, fd);
  }

  int connect(const socket_address& peer, int& error) override {
    const int fd = or_error(::socket(peer.storage.ss_family, stream_type, 0));
    if (fd < 0) return fd;
    send_at_once(fd);
    error = ::connect(fd, peer.get(), peer.size) == 0 ? 0 : errno;
    return fd;
  }

  int outcome(int fd) override {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? -error : -errno;
  }

  int accept(int listener) override {
    const int fd = or_error(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd >= 0) send_at_once(fd);  // of a Unix socket refused, and not asked for
    return fd;
  }

  int local_address(int fd, socket_address& found) override {
    found.size = sizeof found.storage;
    return or_error(getsockname(fd, reinterpret_cast<sockaddr*>(&found.storage), &found.size));
  }
};

constinit sockets the_sockets;

}  // namespace

network& system_network() noexcept {
  return the_sockets;
}

}  // namespace offshoot::detail
