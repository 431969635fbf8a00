#include "hub/reactor.hpp"

#include "hub/scheduler.hpp"

namespace offshoot::detail {

void reactor::add(watch& what) {
  if (vacant_.empty()) {
    vacant_.reserve(book_.size() + 1);  // so that forget() finds room
    book_.push_back({nullptr, 0});
    vacant_.push_back(static_cast<std::uint32_t>(book_.size() - 1));
  }
  const std::uint32_t place = vacant_.back();
  start_watching(what.fd, std::uint64_t{book_[place].generation} << 32U | place);
  vacant_.pop_back();
  book_[place].watched = &what;
  what.place = place;
}

void reactor::forget(watch& what) noexcept {
  stop_watching(what.fd);
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
  for (const direction way : {reading, writing}) {
    if (!now_ready[way]) continue;
    found->ready[way] = true;
    if (found->waiter[way] != nullptr) scheduler::find()->wake(*found->waiter[way]);
  }
}

}  // namespace offshoot::detail
