#include "core/slice.hpp"

#include <atomic>
#include <cstring>
#include <limits>
#include <new>

#include "core/sanitizers/notes.hpp"

namespace offshoot::detail {
namespace {

constexpr std::uint8_t small_uses_limit = 8;  // in a row, before a buffer counts as far too large

std::atomic<std::size_t> buffers{0};

constexpr std::align_val_t line_alignment{cache_line};

/// Exact to a cache line while small; an eighth to spare when large, so that a stack that deepens
/// slowly does not move its buffer at each switch.
std::size_t size_class(std::size_t bytes) noexcept {
  return round_up(bytes < 1024 ? bytes : bytes + bytes / 8, cache_line);
}

std::byte* allocate(std::size_t bytes) noexcept {
  auto* memory = static_cast<std::byte*>(
      ::operator new(bytes + sanitizers::shadow_of(bytes), line_alignment, std::nothrow));
  if (memory != nullptr) buffers.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

void deallocate(std::byte* memory) noexcept {
  ::operator delete(memory, line_alignment);
  buffers.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace

bool slice::grow(std::size_t bytes) noexcept {
  const std::size_t wanted = size_class(bytes);
  if (wanted > std::numeric_limits<std::uint32_t>::max()) return false;
  std::byte* larger = allocate(wanted);
  if (larger == nullptr) return false;
  if (on_heap()) deallocate(buffer_);
  buffer_ = larger;
  capacity_ = static_cast<std::uint32_t>(wanted);
  small_uses_ = 0;
  return true;
}

void slice::count_use() noexcept {
  if (size_ >= capacity_ / 4) {
    small_uses_ = 0;
  } else if (++small_uses_ == small_uses_limit) {
    release();
  }
}

void slice::give_back_buffer() noexcept {
  deallocate(buffer_);
  buffer_ = room();
  capacity_ = room_capacity_;
  small_uses_ = 0;
}

std::size_t slices_on_heap() noexcept {
  return buffers.load(std::memory_order_relaxed);
}

}  // namespace offshoot::detail
