/// `buffer`: received bytes in memory leased from the thread's pool.
#pragma once

#include <offshoot/export.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace offshoot {

/// Bytes in a block that goes back to the pool of the thread where the buffer is destroyed. Lies on
/// the heap: the bytes may be shown to other greenlets. Move-only; a moved-from one is empty.
class OFFSHOOT_API buffer {
 public:
  /// Bytes in a block: what one `receive` can return at most.
  static constexpr std::size_t capacity = std::size_t{16} << 10;

  buffer() noexcept = default;
  buffer(buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    buffer moved(std::move(other));
    std::swap(block_, moved.block_);
    std::swap(size_, moved.size_);
    return *this;
  }
  ~buffer();

  /// A block of unspecified contents, with size() == capacity. Throws std::bad_alloc.
  static buffer lease();

  std::byte* data() noexcept { return block_; }
  const std::byte* data() const noexcept { return block_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  /// Whether there are bytes: `while (const auto got = stream.receive())` reads to the end.
  explicit operator bool() const noexcept { return size_ != 0; }
  /// Forgets all bytes but the first `size`, which must not be more than there are.
  void truncate(std::size_t size) noexcept { size_ = size; }
  std::span<std::byte> bytes() noexcept { return {block_, size_}; }
  std::span<const std::byte> bytes() const noexcept { return {block_, size_}; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char*>(block_), size_}; }

 private:
  friend class reader;

  std::byte* block_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace offshoot
