/// `descriptor`: ownership of a file descriptor.
#pragma once

#include <utility>

#include <unistd.h>

namespace offshoot {

/// Closes it at the end. Move-only; a moved-from one holds none.
class descriptor {
 public:
  explicit descriptor(int owned = -1) noexcept : fd_(owned) {}
  descriptor(descriptor&& other) noexcept : fd_(other.let_go()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    descriptor moved(std::move(other));
    std::swap(fd_, moved.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  /// -1 if it holds none.
  int get() const noexcept { return fd_; }
  /// Gives up ownership.
  int let_go() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

}  // namespace offshoot
