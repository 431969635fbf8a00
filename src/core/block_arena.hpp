/// Memory of control blocks where there are very many.
#pragma once

#include <cstddef>

namespace offshoot::detail::block_arena {

/// Blocks of one size lie side by side in chunks of the size of a huge page, which the kernel is
/// asked to make one: a visit to one of a million would otherwise wait for the tables by which the
/// processor finds a page nearly as long as for the memory itself. For all threads; a chunk that
/// nobody uses any more is unmapped.
inline constexpr std::size_t chunk_bytes = std::size_t{2} << 20;

/// A block of `bytes`, which are a multiple of 16 and no more than 4096; null if there is no
/// memory. One of whole cache lines begins with a line; one whose size is another multiple of 32,
/// with the second half of such a block, so that what lies behind a control block begins with one.
void* take(std::size_t bytes) noexcept;
/// What `take` returned.
void give_back(void* block) noexcept;

/// How many there are now.
std::size_t chunks() noexcept;

// Around a fork.
void lock() noexcept;
void unlock() noexcept;

}  // namespace offshoot::detail::block_arena
