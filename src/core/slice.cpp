#include "core/slice.hpp"

#include <atomic>
#include <cstring>
#include <limits>
#include <new>

#include "core/mapping.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t shrink_from = 4096;       // a buffer below this is not worth moving
constexpr std::uint8_t small_copies_limit = 8;  // in a row, before it counts as outgrown

std::atomic<std::size_t> buffers{0};

/// Exact to a cache line while small; an eighth to spare when large, so that a stack that deepens
/// slowly does not move its buffer at each switch.
std::size_t size_class(std::size_t bytes) noexcept {
  return round_up(bytes < 1024 ? bytes : bytes + bytes / 8, 64);
}

std::byte* allocate(std::size_t bytes) noexcept {
  auto* memory = static_cast<std::byte*>(::operator new(bytes, std::nothrow));
  if (memory != nullptr) buffers.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void deallocate(std::byte* memory) noexcept {
  ::operator delete(memory);
  buffers.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

slice::~slice() {
  if (on_heap()) deallocate(data_);
}

void slice::settle_in(void* room, std::size_t bytes) noexcept {
  room_distance_ = static_cast<std::uint16_t>(reinterpret_cast<std::uintptr_t>(room) -
                                              reinterpret_cast<std::uintptr_t>(this));
  room_capacity_ = static_cast<std::uint16_t>(bytes);
  data_ = static_cast<std::byte*>(room);
  capacity_ = room_capacity_;
}

bool slice::grow(std::size_t bytes) noexcept {
  const std::size_t wanted = size_class(bytes);
  if (wanted > std::numeric_limits<std::uint32_t>::max()) return false;
  std::byte* larger = allocate(wanted);
  if (larger == nullptr) return false;
  if (on_heap()) deallocate(data_);
  data_ = larger;
  capacity_ = static_cast<std::uint32_t>(wanted);
  small_copies_ = 0;
  return true;
}

bool slice::outgrown() noexcept {
  if (capacity_ < shrink_from || size_ >= capacity_ / 4) {
    small_copies_ = 0;
    return false;
  }
  return ++small_copies_ >= small_copies_limit;
}

void slice::shrink() noexcept {
  small_copies_ = 0;
  if (!on_heap()) return;
  std::byte* smaller = room();
  std::size_t capacity = room_capacity_;
  if (size_ > capacity) {
    capacity = size_class(size_);
    smaller = allocate(capacity);
    if (smaller == nullptr) return;
  }
  std::memcpy(smaller, data_, size_);
  deallocate(data_);
  data_ = smaller;
  capacity_ = static_cast<std::uint32_t>(capacity);
}

void slice::release() noexcept {
  size_ = 0;
  shrink();
}

std::size_t slices_on_heap() noexcept {
  return buffers.load(std::memory_order_relaxed);
}

}  // namespace offshoot::detail
