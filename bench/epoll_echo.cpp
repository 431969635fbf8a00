/// The baseline of the echo server: edge-triggered epoll by hand, one thread, one buffer for all, a
/// connection's state only while its peer does not read. Takes no options; prints its port as
/// echo_server does, and serves until it is killed.
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

int check(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

class server {
 public:
  server()
      : epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof own;
    auto* const address = reinterpret_cast<sockaddr*>(&own);
    check(bind(listener_, address, size), "bind");
    check(listen(listener_, 4096), "listen");
    check(getsockname(listener_, address, &size), "getsockname");
    watch(listener_);
    std::printf("listening on port %d\n", ntohs(own.sin_port));
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int each = 0; each < count; ++each) {
        const int fd = events[static_cast<std::size_t>(each)].data.fd;
        fd == listener_ ? accept_all() : serve(fd);
      }
    }
  }

 private:
  void watch(int fd) const {
    epoll_event wanted{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = fd}};
    check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted), "epoll_ctl");
  }

  void accept_all() const {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(fd);
    }
  }

  /// Until nothing is left to do, or nothing can be done.
  void serve(int fd) {
    if (!unsent_.empty() && !flush(fd)) return;
    for (;;) {
      const ssize_t got = recv(fd, buffer_.data(), buffer_.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return drop(fd);
      const ssize_t sent = send(fd, buffer_.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      if (sent < got) {
        if (sent < 0 && errno != EAGAIN) return drop(fd);
        unsent_[fd].assign(buffer_.data() + (sent > 0 ? sent : 0), buffer_.data() + got);
        return;
      }
      if (got < static_cast<ssize_t>(buffer_.size())) return;  // drained: there will be an event
    }
  }

  /// Whether nothing is left unsent.
  bool flush(int fd) {
    const auto found = unsent_.find(fd);
    if (found == unsent_.end()) return true;
    const ssize_t sent = send(fd, found->second.data(), found->second.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      drop(fd);
      return false;
    }
    found->second.erase(found->second.begin(), found->second.begin() + (sent > 0 ? sent : 0));
    if (!found->second.empty()) return false;
    unsent_.erase(found);
    return true;
  }

  void drop(int fd) {
    unsent_.erase(fd);
    ::close(fd);
  }

  int epoll_;
  int listener_;
  std::array<char, 16384> buffer_;
  std::unordered_map<int, std::vector<char>> unsent_;
};

}  // namespace

int main() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  server().run();
}
