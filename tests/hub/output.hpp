/// A descriptor to write to, and what has been written there.
#pragma once

#include <array>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <regex.h>
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

/// Whether `pattern` is in `text`: an extended expression by POSIX, by lines, in which `\d` and
/// `\n` are known, too. Of libc's, since libstdc++'s goes some frames deeper for every character.
inline bool matches(const std::string& text, std::string pattern) {
  for (const auto& [known_as, written] : {std::pair("\\d", "[0-9]"), std::pair("\\n", "\n")}) {
    for (auto at = pattern.find(known_as); at != std::string::npos; at = pattern.find(known_as)) {
      pattern.replace(at, 2, written);
    }
  }
  regex_t wanted;
  REQUIRE(regcomp(&wanted, pattern.c_str(), REG_EXTENDED | REG_NEWLINE | REG_NOSUB) == 0);
  const bool found = regexec(&wanted, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&wanted);
  return found;
}

}  // namespace test
