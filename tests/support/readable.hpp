/// Guard pages can be looked at without dying of them.
#pragma once

#include <cerrno>
#include <cstdint>

#include <doctest/doctest.h>
#include <sys/uio.h>
#include <unistd.h>

namespace test {

/// For emulators that lack the call below.
inline bool readable_by_write(std::uintptr_t address) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const ssize_t written = write(ends[1], reinterpret_cast<const void*>(address), 1);
  const int error = errno;
  close(ends[0]);
  close(ends[1]);
  if (written == 1) return true;
  CHECK(error == EFAULT);
  return false;
}

/// Whether the byte at an address can be read: asks the kernel, which does not die of it, by a call
/// of which Valgrind does not look at the address.
inline bool readable(std::uintptr_t address) {
  char byte = 0;
  const iovec here{&byte, 1};
  const iovec there{reinterpret_cast<void*>(address), 1};
  if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1) return true;
  if (errno == ENOSYS) return readable_by_write(address);
  CHECK(errno == EFAULT);
  return false;
}

}  // namespace test
