/// poll(2) tells what is ready, not what has become so. Asked for what is not latched yet, and for
/// nothing else, it makes the same of it.
#include "hub/poll_reactor.hpp"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "hub/descriptor.hpp"

namespace offshoot::detail {
namespace {

constexpr pollfd vacant{.fd = -1, .events = 0, .revents = 0};

/// 0 for the alarm.
std::size_t place_of(std::uint64_t key) noexcept {
  return static_cast<std::uint32_t>(key + 1);
}

/// poll(2) may be told of errors only, but not of nothing at all: then it is not asked.
void ask(pollfd& entry, int fd, const watch& what) noexcept {
  entry.events = static_cast<short>((what.ready[reading] ? 0 : POLLIN | POLLRDHUP) |
                                    (what.ready[writing] ? 0 : POLLOUT));
  entry.fd = entry.events != 0 ? fd : -1;
}

}  // namespace

poll_reactor::poll_reactor() : asked_(1, vacant), keys_(1, alarm_key) {}

void poll_reactor::start_watching(int fd, std::uint64_t key) {
  const std::size_t place = place_of(key);
  const std::size_t size = std::max(place + 1, asked_.size());
  keys_.reserve(size);
  asked_.resize(size, vacant);
  keys_.resize(size, alarm_key);
  asked_[place] = {.fd = fd, .events = POLLIN, .revents = 0};
  keys_[place] = key;
  if (key != alarm_key) ++watching_;
}

void poll_reactor::stop_watching(int, std::uint64_t key) noexcept {
  asked_[place_of(key)] = vacant;
  keys_[place_of(key)] = alarm_key;
  --watching_;
}

bool poll_reactor::look(std::int64_t timeout) {
  for (std::size_t place = 1; place < asked_.size(); ++place) {
    if (keys_[place] == alarm_key) continue;
    const watch& what = watched(keys_[place]);
    ask(asked_[place], what.fd, what);
  }
  constexpr std::int64_t second = 1'000'000'000;
  const timespec limit{.tv_sec = static_cast<time_t>(timeout / second),
                       .tv_nsec = static_cast<long>(timeout % second)};
  const int count =
      ppoll(asked_.data(), asked_.size(), timeout == never ? nullptr : &limit, nullptr);
  if (count < 0 && errno != EINTR) throw_system_error(errno, "ppoll");
  if (count <= 0) return false;
  if (asked_.front().revents != 0) {
    std::uint64_t wake_ups = 0;  // taken back, or it would be ready for ever
    [[maybe_unused]] const ssize_t got = ::read(asked_.front().fd, &wake_ups, sizeof wake_ups);
  }
  for (std::size_t place = 1; place < asked_.size(); ++place) {
    const auto got = static_cast<unsigned>(asked_[place].revents);
    if (asked_[place].fd < 0 || got == 0) continue;
    report(keys_[place], {.readable = (got & POLLIN) != 0,
                          .writable = (got & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) != 0,
                          .ended = (got & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0});
  }
  return true;
}

std::unique_ptr<reactor> make_poll_reactor() {
  return std::make_unique<poll_reactor>();
}

}  // namespace offshoot::detail
