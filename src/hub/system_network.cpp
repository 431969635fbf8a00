/// The system's sockets, pipes and signals. Nagle's delay is off for every stream.
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "hub/transport.hpp"
#include "hub/without_sigpipe.hpp"

namespace offshoot::detail {
namespace {

constexpr int stream_type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int datagram_type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

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

/// Room for one descriptor beside the bytes of a message. What CMSG_SPACE rounds up to would be
/// room for a second one, which nobody would take.
struct control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr describe(iovec& part, control& beside) noexcept {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = beside.bytes.data();
  message.msg_controllen = CMSG_LEN(sizeof(int));
  return message;
}

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
    if (peer.storage.ss_family != AF_UNIX) send_at_once(fd);
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

  int make_pair(std::array<int, 2>& ends) override {
    return or_error(socketpair(AF_UNIX, stream_type, 0, ends.data()));
  }

  ssize_t send_descriptor(int fd, int given) override {
    char none = 0;
    iovec part{&none, 1};
    control beside;
    const msghdr message = describe(part, beside);
    cmsghdr& header = *CMSG_FIRSTHDR(&message);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(sizeof given);
    std::memcpy(CMSG_DATA(&header), &given, sizeof given);
    return or_error(sendmsg(fd, &message, MSG_NOSIGNAL));
  }

  ssize_t receive_descriptor(int fd, passed_descriptor& into) override {
    char byte = 0;
    iovec part{&byte, 1};
    control beside;
    msghdr message = describe(part, beside);
    const ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return -errno;
    into.lost = (message.msg_flags & MSG_CTRUNC) != 0;
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header), sizeof number);
      into.taken = descriptor(number);
    }
    return got;
  }

  int make_pipe(std::array<int, 2>& ends) override {
    return or_error(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC));
  }

  int open_fifo(const std::string& path, bool to_send) override {
    return or_error(::open(path.c_str(), (to_send ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC));
  }

  int open_signals(sigset_t& signals) override {
    return or_error(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  }

  int take_signal(int fd) override {
    signalfd_siginfo got{};
    const ssize_t bytes = or_error(read(fd, &got, sizeof got));
    return bytes < 0 ? static_cast<int>(bytes) : static_cast<int>(got.ssi_signo);
  }

  transport& files() noexcept override { return system_files(); }

  int open_datagrams(int family, const socket_address* own) override {
    const int fd = or_error(::socket(family, datagram_type, 0));
    if (fd < 0 || own == nullptr) return fd;
    return unless_failed(bind(fd, own->get(), own->size) != 0, fd);
  }

  int set_peer(int fd, const socket_address& peer) override {
    return or_error(::connect(fd, peer.get(), peer.size));
  }

  ssize_t send_to(int fd, std::span<const std::byte> bytes, const socket_address* to) override {
    return or_error(sendto(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL,
                           to != nullptr ? to->get() : nullptr, to != nullptr ? to->size : 0));
  }

  ssize_t receive_from(int fd, std::span<std::byte> into, socket_address& from,
                       bool& cut) override {
    iovec part{into.data(), into.size()};
    msghdr message{};
    message.msg_name = &from.storage;
    message.msg_namelen = sizeof from.storage;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t got = or_error(recvmsg(fd, &message, 0));
    from.size = message.msg_namelen;
    cut = (message.msg_flags & MSG_TRUNC) != 0;
    return got;
  }
};

constinit sockets the_sockets;

}  // namespace

network& system_network() noexcept {
  return the_sockets;
}

}  // namespace offshoot::detail
