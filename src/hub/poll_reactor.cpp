/// poll(2) tells what is ready, not what has become so. Asked for what is not latched yet, and for
/// nothing else, it makes the same of it.
#include "hub/poll_reactor.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "hub/descriptor.hpp"

namespace offshoot::detail {
poll_reactor::poll_reactor() : asked_(1), asked_by_(1, alarm_key) {
  asked_.front().fd = -1;
}

void poll_reactor::start_watching(int fd, std::uint64_t key) {
  if (key == alarm_key) {
    asked_.front() = {.fd = fd, .events = POLLIN, .revents = 0};
    return;
  }
  const auto place = static_cast<std::uint32_t>(key);
  asked_.resize(std::max(watching_ + 2, asked_.size()));
  asked_by_.resize(asked_.size());
  keys_.resize(std::max<std::size_t>(place + std::size_t{1}, keys_.size()), alarm_key);
  keys_[place] = key;
  ++watching_;
}

void poll_reactor::stop_watching(int, std::uint64_t key) noexcept {
  keys_[static_cast<std::uint32_t>(key)] = alarm_key;
  --watching_;
}

/// Returns how many are to be asked. poll(2) may be told of errors only, but not of nothing at all:
/// then it is not asked.
std::size_t poll_reactor::ask() noexcept {
  std::size_t count = 1;
  for (const std::uint64_t key : keys_) {
    if (key == alarm_key) continue;
    const watch& what = watched(key);
    const int events =
        (what.ready[reading] ? 0 : POLLIN | POLLRDHUP) | (what.ready[writing] ? 0 : POLLOUT);
    if (events == 0) continue;
    asked_[count] = {.fd = what.fd, .events = static_cast<short>(events), .revents = 0};
    asked_by_[count++] = key;
  }
  return count;
}

bool poll_reactor::look(std::int64_t timeout) {
  const std::size_t asked = ask();
  constexpr std::int64_t second = 1'000'000'000;
  const timespec limit{.tv_sec = static_cast<time_t>(timeout / second),
                       .tv_nsec = static_cast<long>(timeout % second)};
  const int count = ppoll(asked_.data(), asked, timeout == never ? nullptr : &limit, nullptr);
  if (count < 0 && errno != EINTR) throw_system_error(errno, "ppoll");
  if (count <= 0) return false;
  if (asked_.front().revents != 0) {
    std::uint64_t wake_ups = 0;  // taken back, or it would be ready for ever
    [[maybe_unused]] const ssize_t got = ::read(asked_.front().fd, &wake_ups, sizeof wake_ups);
  }
  for (std::size_t place = 1; place < asked; ++place) {
    const auto got = static_cast<unsigned>(asked_[place].revents);
    if (got == 0) continue;
    report(asked_by_[place], {.readable = (got & POLLIN) != 0,
                              .writable = (got & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) != 0,
                              .ended = (got & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0});
  }
  return true;
}

std::unique_ptr<reactor> make_poll_reactor() {
  return std::make_unique<poll_reactor>();
}

}  // namespace offshoot::detail
