#include <offshoot/hub/unix.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// Between attempts at what no event tells of: the other side has no room.
constexpr instant pause_without_room = 1'000'000;

descriptor make_socket(int type) {
  return descriptor(
      check_call(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
}

watch* open_named(int type, const std::string& path, int backlog) {
  const socket_address own = parse_path(path);
  descriptor made = make_socket(type);
  if (bind(made.get(), own.get(), own.size) != 0 ||
      (backlog != 0 && listen(made.get(), backlog) != 0)) {
    throw_system_error(errno, "listen at " + print_path(path));
  }
  return open_watch(made.let_go(), system_network());
}

/// Room for one descriptor beside the bytes of a message.
struct control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

msghdr describe(iovec& part, control& beside) noexcept {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = beside.bytes.data();
  message.msg_controllen = beside.bytes.size();
  return message;
}

[[gnu::noinline]] ssize_t try_send_descriptor(int fd, int given) {
  char none = 0;
  iovec part{&none, 1};
  control beside;
  const msghdr message = describe(part, beside);
  cmsghdr& header = *CMSG_FIRSTHDR(&message);
  header.cmsg_level = SOL_SOCKET;
  header.cmsg_type = SCM_RIGHTS;
  header.cmsg_len = CMSG_LEN(sizeof given);
  std::memcpy(CMSG_DATA(&header), &given, sizeof given);
  return sendmsg(fd, &message, MSG_NOSIGNAL);
}

struct passed {
  descriptor taken;
  bool lost = false;  ///< there was one, and no room for it
};

[[gnu::noinline]] ssize_t try_receive_descriptor(int fd, passed& into) {
  char byte = 0;
  iovec part{&byte, 1};
  control beside;
  msghdr message = describe(part, beside);
  const ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return got;
  into.lost = (message.msg_flags & MSG_CTRUNC) != 0;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    into.taken = descriptor(number);
  }
  return got;
}

}  // namespace

unix_stream unix_stream::connect(const std::string& path) {
  constexpr auto operation = "connect";
  const socket_address peer = parse_path(path);
  const int fd = make_socket(SOCK_STREAM).let_go();
  unix_stream made(open_watch(fd, system_network()));
  while (::connect(fd, peer.get(), peer.size) != 0) {
    if (errno == EAGAIN) {
      pause_until(*made.watch_, writing, now() + pause_without_room, operation);
    } else if (errno != EINTR) {
      throw_system_error(errno, "connect to " + print_path(path));
    }
  }
  return made;
}

std::pair<unix_stream, unix_stream> unix_stream::make_pair() {
  std::array<int, 2> ends{};
  check_call(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()),
             "socketpair");
  descriptor second(ends[1]);
  unix_stream first(open_watch(ends[0], system_network()));
  return {std::move(first), unix_stream(open_watch(second.let_go(), system_network()))};
}

void unix_stream::send_descriptor(int given) {
  constexpr auto operation = "send_descriptor";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation, [&] { return try_send_descriptor(own.fd, given); });
}

descriptor unix_stream::receive_descriptor() {
  constexpr auto operation = "receive_descriptor";
  watch& own = usable(watch_, operation);
  passed got;
  const ssize_t bytes =
      call_when_ready(own, reading, operation, [&] { return try_receive_descriptor(own.fd, got); });
  if (bytes == 0) throw_system_error(ECONNRESET, "receive_descriptor: the stream has ended");
  if (got.taken.get() < 0) throw_system_error(got.lost ? EMFILE : EBADMSG, operation);
  return std::move(got.taken);
}

unix_listener::unix_listener(const std::string& path, int backlog)
    : socket(open_named(SOCK_STREAM, path, std::max(backlog, 1))) {}

unix_stream unix_listener::accept() {
  return unix_stream(accept_watch(watch_, system_network()));
}

unix_datagram::unix_datagram()
    : socket(open_watch(make_socket(SOCK_DGRAM).let_go(), system_network())) {}

unix_datagram::unix_datagram(const std::string& path) : socket(open_named(SOCK_DGRAM, path, 0)) {}

buffer unix_datagram::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  buffer leased;
  const ssize_t got = call_when_ready(own, reading, operation, [&] {
    leased = buffer::lease();
    const ssize_t bytes = recv(own.fd, leased.data(), leased.size(), 0);
    if (bytes < 0) leased = buffer();
    return bytes;
  });
  leased.truncate(static_cast<std::size_t>(got));
  return leased;
}

void unix_datagram::send_to(std::span<const std::byte> message, const std::string& path) {
  constexpr auto operation = "send_to";
  watch& own = usable(watch_, operation);
  const socket_address to = parse_path(path);
  while (sendto(own.fd, message.data(), message.size(), MSG_NOSIGNAL, to.get(), to.size) < 0) {
    if (errno == EAGAIN) {
      pause_until(own, writing, now() + pause_without_room, operation);
    } else if (errno != EINTR) {
      throw_system_error(errno, "send to " + print_path(path));
    }
  }
}

}  // namespace offshoot
