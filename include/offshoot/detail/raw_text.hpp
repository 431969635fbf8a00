/// Text for a descriptor that a signal handler may put together: no allocation, no lock, no stdio.
/// Who may allocate can have the same text in a string.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace offshoot::detail {

class raw_text {
 public:
  explicit raw_text(int fd) noexcept : fd_(fd) {}
  /// Without memory for it the process ends.
  explicit raw_text(std::string& into) noexcept : into_(&into) {}
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
    if (into_ != nullptr) into_->append(buffer_.data(), std::exchange(used_, 0));
    for (std::size_t at = 0; at < used_;) {
      const ssize_t written = ::write(fd_, buffer_.data() + at, used_ - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    used_ = 0;
  }

 private:
  std::string* into_ = nullptr;
  int fd_ = -1;
  std::size_t used_ = 0;
  std::array<char, 512> buffer_;
};

/// `Text` has append(std::string_view).
template <class Text>
void append_number(Text& text, std::uint64_t number, int base = 10) {
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  text.append(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
}

}  // namespace offshoot::detail
