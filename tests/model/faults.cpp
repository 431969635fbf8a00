#include "model/faults.hpp"

#include <cerrno>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace faults {
namespace {

constexpr int madv_guard_install = 102;

thread_local constinit bool armed = false;
thread_local constinit bool fired = false;
thread_local constinit std::size_t to_come = 0;
thread_local constinit std::size_t bytes_refused = 0;
thread_local constinit bool madvise_refused = false;
thread_local constinit bool mprotect_refused = false;

bool fails_now(std::size_t bytes) noexcept {
  if (!armed || to_come-- > 0) return false;
  armed = false;
  fired = true;
  bytes_refused = bytes;
  return true;
}

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (fails_now(bytes)) return nullptr;
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
  return std::aligned_alloc(alignment, whole != 0 ? whole : alignment);
}

}  // namespace

void arm(std::size_t n) noexcept {
  armed = true;
  fired = false;
  to_come = n;
}

bool disarm() noexcept {
  armed = false;
  return fired;
}

std::size_t failed_bytes() noexcept {
  return bytes_refused;
}

without_guards::without_guards(guards refused) noexcept {
  madvise_refused = true;
  mprotect_refused = refused == guards::refuse_all;
}

without_guards::~without_guards() {
  madvise_refused = false;
  mprotect_refused = false;
}

}  // namespace faults

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return faults::allocate(bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t bytes) {
  if (void* memory = operator new(bytes, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* memory = operator new(bytes, alignment, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return faults::allocate(bytes, static_cast<std::size_t>(alignment));
}
// Not inline: to g++ free() looks like a mistake where it sees the memory come from operator new.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

extern "C" {

void* mmap(void* address, std::size_t bytes, int protection, int flags, int file,
           off_t offset) noexcept {
  if (faults::fails_now(bytes)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  // libc's, since the system call takes its arguments in another way on every other CPU.
  using function = void*(void*, std::size_t, int, int, int, off_t);
  static auto* const real = reinterpret_cast<function*>(
      dlsym(RTLD_NEXT, sizeof(off_t) > sizeof(long) ? "mmap64" : "mmap"));
  return real(address, bytes, protection, flags, file, offset);
}

int madvise(void* address, std::size_t bytes, int advice) noexcept {
  if (faults::madvise_refused && advice == faults::madv_guard_install) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(syscall(SYS_madvise, address, bytes, advice));
}

int mprotect(void* address, std::size_t bytes, int protection) noexcept {
  if (faults::mprotect_refused) {
    errno = ENOMEM;
    return -1;
  }
  return static_cast<int>(syscall(SYS_mprotect, address, bytes, protection));
}
}
