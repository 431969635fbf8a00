/// Memory of control blocks that have gone, for those to come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "core/mapping.hpp"
#include "core/sanitizers/notes.hpp"
#include "core/sanitizers/valgrind.hpp"

namespace offshoot::detail {

/// One for each thread: what it frees it will use again. Blocks are of any thread's making, and of
/// the usual sizes only; nothing is kept where a sanitizer or Valgrind should see it go. Those
/// whose size class is some whole lines of the cache begin with a line.
class block_pool {
  static constexpr std::size_t granule = 16;

 public:
  /// Where a block is from. Less than `classes`: the heap, and of that size class; 0: of none, for
  /// it is too large. From `classes` on: the arena, and of the class that is so much less.
  using origin = std::uint8_t;
  static constexpr std::uint8_t classes = 1 + 1024 / granule;
  static constexpr std::uint8_t origins = 2 * classes;

  block_pool() noexcept = default;
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;

  /// A size of at least `bytes` whose class is whole lines.
  static constexpr std::size_t in_whole_lines(std::size_t bytes) noexcept {
    return round_up(bytes + heap_word, cache_line) - heap_word;
  }
  /// The size class of `bytes`; 0 if such blocks are not pooled.
  static std::uint8_t class_of(std::size_t bytes) noexcept {
    const std::size_t wanted = (bytes + heap_word + granule - 1) / granule;
    return wanted < classes ? static_cast<std::uint8_t>(wanted) : 0;
  }

  /// Whether the size class of `bytes` is one whose blocks, in the arena, all begin with the second
  /// half of a slice::block.
  static bool is_in_step(std::size_t bytes) noexcept {
    return class_of(bytes) * granule % cache_line == cache_line / 2;
  }
  /// Not where somebody should see what is done to each block.
  static bool may_hide() noexcept { return !sanitizers::present && !valgrind::checks_memory; }

  struct block {
    void* memory;
    origin from;
  };
  /// Memory of at least so many bytes. `of_many`: there are so many blocks that they shall lie in
  /// the arena. Throws std::bad_alloc.
  block take(std::size_t bytes, bool of_many);
  /// One that idles, and is from there; null if there is none.
  void* take_idle(origin from) noexcept {
    idle_block* const found = idle_[from];
    if (found == nullptr) return nullptr;
    idle_[from] = found->next;
    --count_;
    return found;
  }
  /// Keeps or frees it.
  void put_back(void* memory, origin from) noexcept {
    if (count_ == most) release();  // it may all be of sizes that nobody asks for any more
    if (!may_keep(from)) return free(memory, from);
    keep(memory, from);
  }
  /// Whether what is from there can be kept now.
  bool may_keep(origin from) const noexcept {
    return from != 0 && from < origins && count_ != most && may_hide();
  }
  void keep(void* memory, origin from) noexcept {
    idle_[from] = ::new (memory) idle_block{idle_[from]};
    ++count_;
  }
  /// Frees one at once, as a thread without a pool has to.
  static void free(void* memory, origin from) noexcept;
  /// Frees all that it has.
  void release() noexcept;
  /// How many blocks it has, of all sizes together.
  unsigned idle() const noexcept { return count_; }

 private:
  struct idle_block {
    idle_block* next;
  };
  static constexpr std::size_t heap_word = 8;  ///< of a granule, as the usual heap fills them
  static constexpr unsigned most = 256;        ///< how many it keeps, of all sizes together

  static bool is_whole_lines(std::uint8_t size_class) noexcept {
    return size_class * granule % cache_line == 0;
  }

  std::array<idle_block*, origins> idle_{};
  unsigned count_ = 0;
};

}  // namespace offshoot::detail
