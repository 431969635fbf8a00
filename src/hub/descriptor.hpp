/// Ownership of a file descriptor, and the exception for a failed system call.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace offshoot::detail {

class descriptor {
 public:
  explicit descriptor(int owned = -1) noexcept : fd_(owned) {}
  descriptor(descriptor&& other) noexcept : fd_(other.let_go()) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  int let_go() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// Throws std::system_error: "offshoot: `what`: ..." with the text of `error`. Not inlined, like
/// all that throws: it would enlarge the frames of those that wait.
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_system_error(int error,
                                                                      const std::string& what) {
  throw std::system_error(error, std::generic_category(), "offshoot: " + what);
}

/// `result` of a system call, or std::system_error with errno if it is negative.
inline int check_call(int result, const char* what) {
  if (result < 0) throw_system_error(errno, what);
  return result;
}

/// The same for a call that returns -errno.
inline int check_result(int result, const char* what) {
  if (result < 0) throw_system_error(-result, what);
  return result;
}

}  // namespace offshoot::detail
