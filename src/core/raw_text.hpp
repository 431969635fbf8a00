/// Text for a descriptor that a signal handler may put together: no allocation, no lock, no stdio.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <unistd.h>

namespace offshoot::detail {

class raw_text {
 public:
  explicit raw_text(int fd) noexcept : fd_(fd) {}
  raw_text(const raw_text&) = delete;
  raw_text& operator=(const raw_text&) = delete;
  ~raw_text() { flush(); }

  raw_text& append(std::string_view text) noexcept {
    for (const char each : text) {
      if (used_ == buffer_.size()) flush();
      buffer_[used_++] = each;
    }
    return *this;
  }
  /// Writes what there is, so that it comes before what others write. An error is nobody's
  /// business.
  void flush() noexcept {
    for (std::size_t at = 0; at < used_;) {
      const ssize_t written = ::write(fd_, buffer_.data() + at, used_ - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    used_ = 0;
  }

 private:
  int fd_;
  std::size_t used_ = 0;
  std::array<char, 512> buffer_;
};

}  // namespace offshoot::detail
