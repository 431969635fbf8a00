/// A descriptor to write to, and what has been written there.
#pragma once

#include <array>
#include <regex>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace test {

class output {
 public:
  output() : fd(memfd_create("output", MFD_CLOEXEC)) { REQUIRE(fd >= 0); }
  ~output() { close(fd); }
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  /// Until now. Allocates nothing while there is nothing.
  std::string text() const {
    std::string all;
    std::array<char, 4096> part;
    for (off_t at = 0;;) {
      const ssize_t got = pread(fd, part.data(), part.size(), at);
      REQUIRE(got >= 0);
      if (got == 0) return all;
      all.append(part.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }

  const int fd;
};

/// On a thread's stack: libstdc++ goes some frames deeper for every character, and a lane is short.
inline bool matches(const std::string& text, const char* pattern) {
  bool found = false;
  std::thread([&] {
    const std::regex wanted(pattern, std::regex::ECMAScript | std::regex::multiline);
    found = std::regex_search(text, wanted);
  }).join();
  return found;
}

}  // namespace test
