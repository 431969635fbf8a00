#include "floor.hpp"

#include <new>

#include <sys/mman.h>

namespace bench {
namespace {

constexpr std::size_t most = 1'000'001;
/// One cache line more than the size: tops at multiples of a power of two fight for the same sets
/// of the caches, and a visit to one of a thousand then takes four times as long.
constexpr std::size_t stride = stack_bytes + 64;

std::byte* reserve() {
  void* const all = mmap(nullptr, most * stride, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  madvise(all, most * stride, MADV_NOHUGEPAGE);  // one that is asked for must not bring 32 along
  return static_cast<std::byte*>(all);
}

}  // namespace

std::byte* private_stack(std::size_t i) {
  static std::byte* const all = reserve();
  if (i >= most) throw std::bad_alloc();
  return all + i * stride + stack_bytes;
}

}  // namespace bench

#ifndef __x86_64__
// There is no floor to measure on; have_floor says so.
void bench_six_registers(void**, void*) {}
void bench_six_registers_jump(void**, void*) {}
#endif
