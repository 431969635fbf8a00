/// Guard pages can be looked at without dying of them.
#pragma once

#include <cerrno>
#include <cstdint>

#include <doctest/doctest.h>
#include <sys/uio.h>
#include <unistd.h>

namespace test {

/// Whether the byte at an address can be read: asks the kernel, which does not die of it, by a call
/// of which Valgrind does not look at the address.
inline bool readable(std::uintptr_t address) {
  char byte = 0;
  const iovec here{&byte, 1};
  const iovec there{reinterpret_cast<void*>(address), 1};
  if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1) return true;
  CHECK(errno == EFAULT);
  return false;
}

}  // namespace test
