/// Guard pages can be looked at without dying of them.
#pragma once

#include <cerrno>
#include <cstdint>

#include <doctest/doctest.h>
#include <unistd.h>

namespace test {

/// Whether the byte at an address can be read: asks the kernel, which does not die of it.
class prober {
 public:
  prober() { REQUIRE(pipe(ends_) == 0); }
  ~prober() {
    close(ends_[0]);
    close(ends_[1]);
  }
  prober(const prober&) = delete;
  prober& operator=(const prober&) = delete;

  bool readable(std::uintptr_t address) {
    char byte = 0;
    if (write(ends_[1], reinterpret_cast<const void*>(address), 1) != 1) {
      CHECK(errno == EFAULT);
      return false;
    }
    CHECK(read(ends_[0], &byte, 1) == 1);
    return true;
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace test
