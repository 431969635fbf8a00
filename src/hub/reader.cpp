#include <offshoot/hub/reader.hpp>

#include <algorithm>
#include <cerrno>

#include "hub/descriptor.hpp"

namespace offshoot {

/// False at the end of the stream.
bool reader::receive_more() {
  buffers_.reserve(buffers_.size() + 1);  // what has come shall not be lost for want of room
  buffer more = from_->receive();
  if (more.empty()) return false;
  kept_ += more.size();
  if (!buffers_.empty() && buffer::capacity - buffers_.back().size() >= more.size()) {
    // Or a peer that sends byte by byte would have a block for each.
    buffer& last = buffers_.back();
    std::copy(more.bytes().begin(), more.bytes().end(), last.data() + last.size());
    last.size_ += more.size();
  } else {
    buffers_.push_back(std::move(more));
  }
  return true;
}

void reader::take(std::span<std::byte> into) noexcept {
  kept_ -= into.size();
  auto done = buffers_.begin();
  while (!into.empty()) {
    const auto from = done->bytes().subspan(taken_);
    const std::size_t count = std::min(from.size(), into.size());
    std::copy_n(from.begin(), count, into.begin());
    into = into.subspan(count);
    taken_ += count;
    if (taken_ == done->size()) {
      ++done;
      taken_ = 0;
    }
  }
  buffers_.erase(buffers_.begin(), done);
}

bool reader::read_exactly(std::span<std::byte> into) {
  while (kept_ < into.size()) {
    if (!receive_more()) return false;
  }
  take(into);
  return true;
}

std::optional<std::string> reader::read_until(std::string_view delimiter, std::size_t limit) {
  std::string seen;
  std::size_t each = 0;          // the buffer that has been seen last,
  std::size_t of_that = taken_;  // and how much of it: it may get more
  for (;;) {
    for (; each < buffers_.size(); ++each, of_that = 0) {
      const std::string_view text = buffers_[each].text().substr(of_that);
      // The delimiter may have begun in what came before.
      const std::size_t from = seen.size() - std::min(seen.size(), delimiter.size() - 1);
      seen += text;
      of_that += text.size();
      const std::size_t found = seen.find(delimiter, from);
      if (found == std::string::npos) {
        if (each + 1 == buffers_.size()) break;
        continue;
      }
      seen.resize(found + delimiter.size());
      if (seen.size() > limit) break;
      take(std::as_writable_bytes(std::span(seen)));
      return seen;
    }
    if (seen.size() >= limit) {
      detail::throw_system_error(EMSGSIZE, "read_until: the delimiter is not within the limit");
    }
    if (!receive_more()) return std::nullopt;
  }
}

buffer reader::read_some() {
  if (kept_ == 0) return from_->receive();
  buffer first = std::move(buffers_.front());
  buffers_.erase(buffers_.begin());
  kept_ -= first.size() - taken_;
  std::copy(first.bytes().begin() + static_cast<std::ptrdiff_t>(taken_), first.bytes().end(),
            first.bytes().begin());
  first.truncate(first.size() - std::exchange(taken_, 0));
  return first;
}

}  // namespace offshoot
