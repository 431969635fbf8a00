/// Dedicated stacks, pooled by thread and size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/mapping.hpp"
#include "core/stack.hpp"

namespace offshoot::detail {

/// Stacks are cut from slabs, each below a guard page, and go back to a list by size: the last one
/// used, whose top is still in the caches, is the first to be used again. A stack that idles in a
/// long list gives its memory back to the kernel, all but its topmost page.
///
///     | guard page |            size bytes             | colour | header |
///                  ^ low                               ^ high            ^ page boundary
class stack_pool {
 public:
  static constexpr std::size_t default_bytes = std::size_t{256} << 10;

  /// A stack of at least `bytes`. Throws `out_of_stacks`, std::bad_alloc or, for a size that no
  /// machine has, `not_startable`.
  region& take(std::size_t bytes);
  /// Gives back what `take` returned, with no users left.
  void put_back(region& stack) noexcept;

  /// Whether `address` lies in any of its stacks, taken or not.
  bool contains(std::uintptr_t address) const noexcept;
  /// Makes all that are not taken accessible: guarded mode leaves them closed.
  void open_idle() noexcept;
  /// Stacks that are taken now.
  std::size_t taken() const noexcept { return taken_; }

 private:
  struct header : region {
    header* next = nullptr;
    std::size_t size_class = 0;
  };
  struct shelf {
    header* idle = nullptr;
    std::size_t idle_count = 0;
    std::uintptr_t uncut = 0;  ///< the rest of the newest slab
    std::uintptr_t uncut_end = 0;
  };
  static constexpr unsigned smallest_bits = 14;
  static constexpr unsigned largest_bits = sizeof(void*) == 8 ? 36 : 30;

  header& cut(shelf& from, std::size_t size_class);

  std::array<shelf, largest_bits - smallest_bits + 1> shelves_{};
  std::vector<mapping> slabs_;
  std::size_t taken_ = 0;
  std::size_t cut_ = 0;
};

}  // namespace offshoot::detail
