#include "core/block_arena.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "core/mapping.hpp"

namespace offshoot::detail::block_arena {
namespace {

struct free_block {
  free_block* next;
};

constexpr std::size_t granule = 16;
constexpr std::size_t largest = 4096;

/// What a chunk begins with.
struct alignas(cache_line) chunk {
  explicit chunk(std::size_t bytes) noexcept
      : block_bytes(bytes), cut(sizeof(chunk) + (bytes % cache_line == 0 ? 0 : granule)) {}

  std::size_t block_bytes;
  std::size_t cut;  ///< where what was never a block begins
  std::size_t taken = 0;
  free_block* free = nullptr;
  chunk* next = nullptr;  ///< in the list of those with room
  chunk* previous = nullptr;

  bool full() const noexcept { return free == nullptr && cut + block_bytes > chunk_bytes; }
};

std::mutex guard;
// Under the guard:
std::array<chunk*, largest / granule + 1> with_room;  // by size
std::size_t mapped = 0;

void link(chunk& made) noexcept {
  chunk*& first = with_room[made.block_bytes / granule];
  made.next = first;
  made.previous = nullptr;
  if (first != nullptr) first->previous = &made;
  first = &made;
}

void unlink(chunk& one) noexcept {
  (one.previous != nullptr ? one.previous->next : with_room[one.block_bytes / granule]) = one.next;
  if (one.next != nullptr) one.next->previous = one.previous;
}

/// Null if there is no memory.
chunk* map_chunk(std::size_t block_bytes) noexcept {
  // As much as must contain a whole one, of which the rest goes back.
  constexpr std::size_t bytes = 2 * chunk_bytes;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const low = static_cast<std::byte*>(memory);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(low) % chunk_bytes;
  std::byte* const begin = low + before;
  if (before != 0) munmap(low, before);
  munmap(begin + chunk_bytes, bytes - before - chunk_bytes);
  madvise(begin, chunk_bytes, MADV_HUGEPAGE);  // a kernel without them refuses: just as well
  ++mapped;
  return ::new (begin) chunk(block_bytes);
}

}  // namespace

void* take(std::size_t bytes) noexcept {
  const std::lock_guard hold(guard);
  chunk* from = with_room[bytes / granule];
  if (from == nullptr) {
    from = map_chunk(bytes);
    if (from == nullptr) return nullptr;
    link(*from);
  }
  void* block = from->free;
  if (block != nullptr) {
    from->free = from->free->next;
  } else {
    block = reinterpret_cast<std::byte*>(from) + std::exchange(from->cut, from->cut + bytes);
  }
  ++from->taken;
  if (from->full()) unlink(*from);
  return block;
}

void give_back(void* block) noexcept {
  const std::lock_guard hold(guard);
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  chunk& owner = *reinterpret_cast<chunk*>(address / chunk_bytes * chunk_bytes);
  if (owner.full()) link(owner);
  owner.free = ::new (block) free_block{owner.free};
  if (--owner.taken != 0) return;
  unlink(owner);
  munmap(&owner, chunk_bytes);
  --mapped;
}

std::size_t chunks() noexcept {
  const std::lock_guard hold(guard);
  return mapped;
}

void lock() noexcept {
  guard.lock();
}
void unlock() noexcept {
  guard.unlock();
}

}  // namespace offshoot::detail::block_arena
