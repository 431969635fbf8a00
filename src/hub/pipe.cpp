#include <offshoot/hub/pipe.hpp>

#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "hub/socket.hpp"

namespace offshoot {

using namespace detail;

std::pair<pipe, pipe> pipe::make() {
  network& net = sockets_here();
  std::array<int, 2> ends{};
  check_result(net.make_pipe(ends), "pipe");
  const auto [first, second] = open_watches(ends, net.pipes());
  return {pipe(first), pipe(second)};
}

namespace {

watch* open_fifo(const std::string& path, int way) {
  const int fd = ::open(path.c_str(), way | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) throw_system_error(errno, "open " + path);
  return open_watch(fd, system_files());
}

}  // namespace

pipe pipe::open_to_receive(const std::string& path) {
  return pipe(open_fifo(path, O_RDONLY));
}

pipe pipe::open_to_send(const std::string& path) {
  return pipe(open_fifo(path, O_WRONLY));
}

pipe pipe::adopt(int taken) {
  descriptor owned(taken);
  const int flags = check_call(fcntl(taken, F_GETFL), "fcntl");
  check_call(fcntl(taken, F_SETFL, flags | O_NONBLOCK), "fcntl");
  return pipe(open_watch(owned.let_go(), system_files()));
}

}  // namespace offshoot
