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
/// the usual sizes only; nothing is kept where a sanitizer or Valgrind should see it go. Those whose
/// size class is some whole lines of the cache begin with a line.
class block_pool {
  static constexpr std::size_t granule = 16;

 public:
  block_pool() noexcept = default;
  block_pool(const block_pool&) = delete;
  block_pool& operator=(const block_pool&) = delete;

  /// All size classes are below this.
  static constexpr std::uint8_t classes = 1 + 1024 / granule;

  /// A size of at least `bytes` whose class is whole lines.
  static constexpr std::size_t in_whole_lines(std::size_t bytes) noexcept {
    return round_up(bytes + heap_word, cache_line) - heap_word;
  }
  /// The size class of `bytes`; 0 if such blocks are not pooled.
  static std::uint8_t class_of(std::size_t bytes) noexcept {
    const std::size_t wanted = (bytes + heap_word + granule - 1) / granule;
    return wanted < classes ? static_cast<std::uint8_t>(wanted) : 0;
  }

  /// Memory for a block of that class. Throws std::bad_alloc.
  void* take(std::uint8_t size_class) {
    void* const found = take_idle(size_class);
    return found != nullptr ? found : allocate(size_class);
  }
  /// The same, but null if it has none; as for class 0, which it never has.
  void* take_idle(std::uint8_t size_class) noexcept {
    idle_block* const found = idle_[size_class];
    if (found == nullptr) return nullptr;
    idle_[size_class] = found->next;
    --count_;
    return found;
  }
  void put_back(void* memory, std::uint8_t size_class) noexcept {
    if (count_ == most) release();  // it may all be of sizes that nobody asks for any more
    if (!may_keep(size_class)) return deallocate(memory, size_class);
    keep(memory, size_class);
  }
  /// Whether blocks of that class, or of none if it is 0 or above, can be kept now.
  bool may_keep(std::uint8_t size_class) const noexcept {
    return static_cast<std::uint8_t>(size_class - 1) < classes - 1 && count_ != most &&
           !sanitizers::present && !valgrind::checks_memory;
  }
  void keep(void* memory, std::uint8_t size_class) noexcept {
    idle_[size_class] = ::new (memory) idle_block{idle_[size_class]};
    ++count_;
  }
  /// Frees one at once, as a thread without a pool has to.
  static void deallocate(void* memory, std::uint8_t size_class) noexcept;
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
  static constexpr std::size_t cache_line = 64;

  static bool is_whole_lines(std::uint8_t size_class) noexcept {
    return size_class * granule % cache_line == 0;
  }
  static void* allocate(std::uint8_t size_class);

  std::array<idle_block*, classes> idle_{};
  unsigned count_ = 0;
};

}  // namespace offshoot::detail
