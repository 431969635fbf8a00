#include <offshoot/hub/pipe.hpp>

#include <array>

#include <fcntl.h>

#include "hub/socket.hpp"

namespace offshoot {

using namespace detail;

pipe::pipe(watch* owned) noexcept : stream(owned) {
  owned->short_read_drains = false;  // of one made of packets, of a terminal
}

std::pair<pipe, pipe> pipe::make() {
  network& net = sockets_here();
  std::array<int, 2> ends{};
  check_result(net.make_pipe(ends), "pipe");
  const auto [first, second] = open_watches(ends, net.files());
  return {pipe(first), pipe(second)};
}

namespace {

watch* open_fifo(const std::string& path, bool to_send) {
  network& net = sockets_here();
  const int fd = net.open_fifo(path, to_send);
  if (fd < 0) throw_system_error(-fd, "open " + path);
  return open_watch(fd, net.files());
}

}  // namespace

pipe pipe::open_to_receive(const std::string& path) {
  return pipe(open_fifo(path, false));
}

pipe pipe::open_to_send(const std::string& path) {
  return pipe(open_fifo(path, true));
}

pipe pipe::adopt(int taken) {
  descriptor owned(taken);
  const int flags = check_call(fcntl(taken, F_GETFL), "fcntl");
  check_call(fcntl(taken, F_SETFL, flags | O_NONBLOCK), "fcntl");
  return pipe(open_watch(owned.let_go(), system_files()));
}

}  // namespace offshoot
