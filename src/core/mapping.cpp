#include "core/mapping.hpp"

#include <offshoot/errors.hpp>

#include <atomic>

#include <sys/mman.h>
#include <unistd.h>

namespace offshoot::detail {
namespace {

constexpr int madv_guard_install = 102;  // linux/mman.h since 6.13; Debian 12's headers are older

std::atomic<bool> guards_by_madvise{true};

/// A kernel refuses an advice that there is not. qemu-user says yes to all that it does not know,
/// and does nothing.
bool advice_is_heeded() noexcept {
  constexpr int no_advice = -1;
  static const bool heeded = madvise(nullptr, 0, no_advice) != 0;
  return heeded;
}

}  // namespace

std::size_t page_size() noexcept {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

mapping::mapping(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    throw out_of_stacks(
        "offshoot: the system has no address space or mapping left for a stack; "
        "raise vm.max_map_count or the limit of virtual memory, or use placement::lane");
  }
  low_ = reinterpret_cast<std::uintptr_t>(memory);
  bytes_ = bytes;
  madvise(memory, bytes, MADV_NOHUGEPAGE);  // a kernel without huge pages refuses: just as well
}

mapping::~mapping() {
  if (bytes_ != 0) munmap(reinterpret_cast<void*>(low_), bytes_);
}

void install_guard(std::uintptr_t page) {
  void* address = reinterpret_cast<void*>(page);
  if (guards_by_madvise.load(std::memory_order_relaxed)) {
    if (madvise(address, page_size(), madv_guard_install) == 0 && advice_is_heeded()) return;
    guards_by_madvise.store(false, std::memory_order_relaxed);
  }
  if (mprotect(address, page_size(), PROT_NONE) != 0) {
    throw out_of_stacks(
        "offshoot: the system has no mapping left for a stack's guard page; "
        "raise vm.max_map_count, run on Linux 6.13 or later, or use placement::lane");
  }
}

void discard_pages(std::uintptr_t low, std::uintptr_t high) noexcept {
  const std::size_t page = page_size();
  low = round_up(low, page);
  high = high / page * page;
  if (low < high) madvise(reinterpret_cast<void*>(low), high - low, MADV_DONTNEED);
}

}  // namespace offshoot::detail
