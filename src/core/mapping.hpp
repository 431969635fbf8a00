/// Memory for stacks, straight from the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace offshoot::detail {

std::size_t page_size() noexcept;
inline constexpr std::size_t cache_line = 64;

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
  return (n + multiple - 1) / multiple * multiple;
}

/// An anonymous private mapping, unmapped at the end of its life. Pages come when touched, and
/// never huge ones: a stack that uses one page must cost one page.
class mapping {
 public:
  mapping() noexcept = default;
  /// Throws `out_of_stacks`.
  explicit mapping(std::size_t bytes);
  mapping(mapping&& other) noexcept
      : low_(std::exchange(other.low_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}
  mapping& operator=(mapping&& other) noexcept {
    std::swap(low_, other.low_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~mapping();

  std::uintptr_t low() const noexcept { return low_; }
  std::uintptr_t high() const noexcept { return low_ + bytes_; }

 private:
  std::uintptr_t low_ = 0;
  std::size_t bytes_ = 0;
};

/// Makes the page at `page` inaccessible. With MADV_GUARD_INSTALL (Linux 6.13) that costs no
/// mapping and a hundred thousand of them are fine; otherwise mprotect splits the mapping, which
/// the kernel allows some 32 000 times. Throws `out_of_stacks` when that is exhausted.
void install_guard(std::uintptr_t page);

/// Gives the memory of whole pages in [low, high) back; they read as zero when touched again.
void discard_pages(std::uintptr_t low, std::uintptr_t high) noexcept;

}  // namespace offshoot::detail
