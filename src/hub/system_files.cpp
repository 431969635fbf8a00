/// Pipes and whatever else of the system is read and written by the calls for files.
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "hub/transport.hpp"
#include "hub/without_sigpipe.hpp"

namespace offshoot::detail {
namespace {

class files final : public transport {
 public:
  ssize_t receive(int fd, std::span<std::byte> into) override {
    return or_error(read(fd, into.data(), into.size()));
  }

  ssize_t send(int fd, std::span<const iovec> parts) override {
    const without_sigpipe held;
    return or_error(writev(fd, parts.data(), static_cast<int>(parts.size())));
  }

  ssize_t send_file(int fd, int file, off_t offset, std::size_t count) override {
    const without_sigpipe held;
    return or_error(sendfile(fd, file, &offset, count));
  }

  int end(int) override { return -ENOTSOCK; }
  int set_option(int, int, int, int) override { return -ENOTSOCK; }
  int get_option(int, int, int, int&) override { return -ENOTSOCK; }
  void close(int fd) noexcept override { ::close(fd); }
};

constinit files the_files;

}  // namespace

bool transport::is_ready(int fd, short events) {
  pollfd asked{.fd = fd, .events = events, .revents = 0};
  return poll(&asked, 1, 0) != 0;
}

transport& system_files() noexcept {
  return the_files;
}

}  // namespace offshoot::detail
