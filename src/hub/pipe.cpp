#include <offshoot/hub/pipe.hpp>

#include <array>

#include <fcntl.h>
#include <unistd.h>

#include "hub/socket.hpp"

namespace offshoot {

using namespace detail;

std::pair<pipe, pipe> pipe::make() {
  std::array<int, 2> ends{};
  check_call(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), "pipe");
  descriptor second(ends[1]);
  pipe first(open_watch(ends[0], system_files()));
  return {std::move(first), pipe(open_watch(second.let_go(), system_files()))};
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
