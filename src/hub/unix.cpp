#include <offshoot/hub/unix.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/socket.h>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// Between attempts at what no event tells of: the other side has no room.
constexpr instant pause_without_room = 1'000'000;

watch* open_listener(const std::string& path, int backlog) {
  const socket_address own = parse_path(path);
  network& net = sockets_here();
  const int fd = net.listen(own, std::max(backlog, 1), false);
  if (fd < 0) throw_system_error(-fd, "listen at " + print_path(path));
  return open_watch(fd, net);
}

watch* open_datagrams(const std::string& path) {
  const socket_address own = parse_path(path);
  network& net = sockets_here();
  const int fd = net.open_datagrams(AF_UNIX, &own);
  if (fd < 0) throw_system_error(-fd, "listen at " + print_path(path));
  return open_watch(fd, net);
}

watch* open_nameless() {
  network& net = sockets_here();
  return open_watch(check_result(net.open_datagrams(AF_UNIX, nullptr), "socket"), net);
}

/// Not inlined: an address is large, and whoever waits shall not keep room for one.
[[gnu::noinline]] ssize_t try_receive_message(int fd, buffer& into) {
  into = buffer::lease();
  socket_address from{};
  bool cut = false;
  const ssize_t got = sockets_here().receive_from(fd, into.bytes(), from, cut);
  if (got < 0) into = buffer();
  return got;
}

}  // namespace

unix_stream::unix_stream(watch* owned) noexcept : stream(owned) {
  owned->short_read_drains = false;  // a read ends behind bytes that a descriptor came with
}

unix_stream unix_stream::connect(const std::string& path) {
  constexpr auto operation = "connect";
  const socket_address peer = parse_path(path);
  network& net = sockets_here();
  for (;;) {
    int error = 0;
    unix_stream made(open_watch(check_result(net.connect(peer, error), operation), net));
    error = outcome_of_connect(*made.watch_, net, error);
    if (error == 0) return made;
    if (error != EAGAIN) throw_system_error(error, "connect to " + print_path(path));
    pause_until(*made.watch_, writing, now() + pause_without_room, operation);
  }
}

std::pair<unix_stream, unix_stream> unix_stream::make_pair() {
  network& net = sockets_here();
  std::array<int, 2> ends{};
  check_result(net.make_pair(ends), "socketpair");
  const auto [first, second] = open_watches(ends, net);
  return {unix_stream(first), unix_stream(second)};
}

void unix_stream::send_descriptor(int given) {
  constexpr auto operation = "send_descriptor";
  watch& own = usable(watch_, operation);
  call_when_ready(own, writing, operation,
                  [&] { return sockets_here().send_descriptor(own.fd, given); });
}

descriptor unix_stream::receive_descriptor() {
  constexpr auto operation = "receive_descriptor";
  watch& own = usable(watch_, operation);
  passed_descriptor got;
  const ssize_t bytes = call_when_ready(
      own, reading, operation, [&] { return sockets_here().receive_descriptor(own.fd, got); });
  if (bytes == 0) throw_system_error(ECONNRESET, "receive_descriptor: the stream has ended");
  if (got.taken.get() < 0) throw_system_error(got.lost ? EMFILE : EBADMSG, operation);
  return std::move(got.taken);
}

unix_listener::unix_listener(const std::string& path, int backlog)
    : socket(open_listener(path, backlog)) {}

unix_stream unix_listener::accept() {
  usable(watch_, "accept");  // elsewhere no hub is made for that
  return unix_stream(accept_watch(watch_, sockets_here()));
}

unix_datagram::unix_datagram() : socket(open_nameless()) {}

unix_datagram::unix_datagram(const std::string& path) : socket(open_datagrams(path)) {}

buffer unix_datagram::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  buffer leased;
  const ssize_t got =
      call_when_ready(own, reading, operation, [&] { return try_receive_message(own.fd, leased); });
  leased.truncate(static_cast<std::size_t>(got));
  return leased;
}

void unix_datagram::send_to(std::span<const std::byte> message, const std::string& path) {
  constexpr auto operation = "send_to";
  watch& own = usable(watch_, operation);
  const socket_address to = parse_path(path);
  for (;;) {
    wait_until_ready(own, writing, operation);  // which lets others run
    const ssize_t sent = sockets_here().send_to(own.fd, message, &to);
    if (sent >= 0) return;
    if (sent == -EAGAIN) {
      pause_until(own, writing, now() + pause_without_room, operation);
    } else if (sent != -EINTR) {
      throw_system_error(static_cast<int>(-sent), "send to " + print_path(path));
    }
  }
}

}  // namespace offshoot
