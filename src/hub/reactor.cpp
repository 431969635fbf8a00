/// The book of watched descriptors, and the choice of a reactor by name.
#include "hub/reactor.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>

#include "hub/scheduler.hpp"

namespace offshoot {
namespace detail {
namespace {

struct choice {
  const char* name;
  std::unique_ptr<reactor> (*make)(const simulation&);
};

/// The best first.
constexpr std::array choices{
    choice{"epoll", [](const simulation&) { return make_epoll_reactor(); }},
    choice{"poll", [](const simulation&) { return make_poll_reactor(); }},
    choice{"virtual", &make_virtual_reactor},
};

}  // namespace

std::unique_ptr<reactor> make_reactor(const hub_options& chosen) {
  std::string name = chosen.reactor;
  if (name.empty()) {
    const char* const wished = std::getenv("OFFSHOOT_REACTOR");
    name = wished != nullptr && *wished != '\0' ? wished : choices.front().name;
  }
  std::string known;
  for (const choice& each : choices) {
    if (name == each.name) {
      auto made = each.make(chosen.simulated);
      made->name = each.name;
      return made;
    }
    known += std::string(known.empty() ? "" : ", ") + each.name;
  }
  throw greenlet_error("offshoot: there is no reactor '" + name + "'; there are: " + known);
}

instant reactor::now() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void reactor::renew(int alarm) {
  const bool forgotten = reopen();
  add_alarm(alarm);
  for (std::uint32_t place = 0; forgotten && place < book_.size(); ++place) {
    if (book_[place].watched != nullptr) start_watching(book_[place].watched->fd, key_of(place));
  }
  is_parents_ = false;
}

void reactor::add(watch& what) {
  if (is_parents_) scheduler::find()->renew_after_fork();
  if (vacant_.empty()) {
    vacant_.reserve(std::max(book_.capacity(), book_.size() + 1));  // so that forget() finds room
    book_.push_back({nullptr, 0});
    vacant_.push_back(static_cast<std::uint32_t>(book_.size() - 1));
  }
  const std::uint32_t place = vacant_.back();
  start_watching(what.fd, key_of(place));
  vacant_.pop_back();
  book_[place].watched = &what;
  what.place = place;
}

void reactor::forget(watch& what) noexcept {
  stop_watching(what.fd, key_of(what.place));
  book_[what.place].watched = nullptr;
  ++book_[what.place].generation;
  vacant_.push_back(what.place);
}

void reactor::report(std::uint64_t key, event what) noexcept {
  const auto place = static_cast<std::uint32_t>(key);
  if (place >= book_.size() || book_[place].generation != key >> 32U) return;
  watch* found = book_[place].watched;
  if (found == nullptr) return;
  const bool now_ready[2] = {what.readable || what.ended, what.writable};
  found->ended = found->ended || what.ended;
  found->short_read_drains = found->short_read_drains && !what.urgent;
  for (const direction way : {reading, writing}) {
    if (!now_ready[way]) continue;
    found->ready[way] = true;
    if (found->waiter[way] != nullptr) scheduler::find()->wake(*found->waiter[way]);
  }
}

}  // namespace detail

std::vector<std::string> reactor_names() {
  std::vector<std::string> names;
  for (const detail::choice& each : detail::choices) names.emplace_back(each.name);
  return names;
}

void start_hub(const hub_options& chosen) {
  if (detail::scheduler::find() != nullptr) {
    throw greenlet_error("offshoot: this thread has a hub already");
  }
  detail::scheduler::make(chosen);
}

std::string reactor_name() {
  return detail::scheduler::here().events().name;
}

}  // namespace offshoot
