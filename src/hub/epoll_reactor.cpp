/// The epoll reactor. Time-outs are rounded up to epoll's milliseconds: the last part of one is
/// slept, not spun.
#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <sys/epoll.h>

#include "hub/descriptor.hpp"
#include "hub/reactor.hpp"

namespace offshoot::detail {
namespace {

class epoll_reactor final : public reactor {
 public:
  epoll_reactor() { epoll_reactor::reopen(); }

  void poll(std::int64_t timeout) override {
    const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                                 milliseconds(timeout));
    if (count < 0 && errno != EINTR) throw_system_error(errno, "epoll_wait");
    for (int each = 0; each < count; ++each) {
      const epoll_event& got = events_[static_cast<std::size_t>(each)];
      report(got.data.u64, {.readable = (got.events & EPOLLIN) != 0,
                            .writable = (got.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
                            .ended = (got.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
                            .urgent = (got.events & EPOLLPRI) != 0});
    }
  }

 private:
  bool reopen() override {
    epoll_ = descriptor();  // first, so that there is room for the new one
    epoll_ = descriptor(check_call(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    return true;
  }

  void start_watching(int fd, std::uint64_t key) override {
    epoll_event wanted{.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
                       .data = {.u64 = key}};
    check_call(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted), "epoll_ctl");
  }

  /// Not left to close(): a copy of the descriptor in another process would keep it registered. In
  /// the child of a fork it would be the parent that does not watch any more.
  void stop_watching(int fd, std::uint64_t) noexcept override {
    if (!is_parents()) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  static int milliseconds(std::int64_t timeout) noexcept {
    if (timeout == never) return -1;
    constexpr std::int64_t in_one = 1'000'000;
    const std::int64_t whole = timeout / in_one + (timeout % in_one != 0 ? 1 : 0);
    return static_cast<int>(std::min<std::int64_t>(whole, INT_MAX));
  }

  descriptor epoll_;
  std::array<epoll_event, 256> events_;
};

}  // namespace

std::unique_ptr<reactor> make_epoll_reactor() {
  return std::make_unique<epoll_reactor>();
}

}  // namespace offshoot::detail
