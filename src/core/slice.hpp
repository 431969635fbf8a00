/// The heap copy of a suspended stack's lowest bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/mapping.hpp"

namespace offshoot::detail {

/// A buffer and how much of it is in use. It begins as a room inside the greenlet's own allocation,
/// so that waking a cold greenlet touches adjacent cache lines, and moves to the heap when that is
/// too small. Kept between switches. Behind its capacity there is room for what AddressSanitizer
/// knows of its contents, in builds with that.
///
/// Bytes lie in it as they lay on the stack: at the same distance from a multiple of `block`. So
/// whoever copies can do so in whole blocks, none of which is in two cache lines.
class slice {
 public:
  static constexpr std::size_t block = 32;  ///< buffers begin at a multiple, and hold a multiple

  slice() noexcept = default;
  slice(const slice&) = delete;
  slice& operator=(const slice&) = delete;
  ~slice() {
    if (on_heap()) release();
  }

  /// How large a room has to be for slices of this size: half a block may be lost before it.
  static constexpr std::size_t room_for(std::size_t bytes) noexcept {
    return round_up(bytes, block) + block - alignof(std::max_align_t);
  }
  /// Gives it the room that lies at `room`, right behind the control block that this is part of.
  void settle_in(void* room, std::size_t bytes) noexcept {
    const auto given = reinterpret_cast<std::uintptr_t>(room);
    const std::size_t lost = std::min(round_up(given, block) - given, bytes);
    const std::uintptr_t first = given + lost;
    room_distance_ = static_cast<std::uint16_t>(first - reinterpret_cast<std::uintptr_t>(this));
    room_capacity_ = static_cast<std::uint16_t>((bytes - lost) / block * block);
    buffer_ = reinterpret_cast<std::byte*>(first);
    capacity_ = room_capacity_;
  }

  std::byte* buffer() const noexcept { return buffer_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t room_capacity() const noexcept { return room_capacity_; }
  std::uintptr_t room_end() const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) + room_distance_ + room_capacity_;
  }
  bool on_heap() const noexcept { return buffer_ != nullptr && buffer_ != room(); }
  void set_size(std::size_t bytes) noexcept { size_ = static_cast<std::uint32_t>(bytes); }
  /// Whether it can hold the bytes [low, high) of a stack.
  bool has_room_for(std::uintptr_t low, std::uintptr_t high) const noexcept {
    return high - low / block * block <= capacity_;
  }

  /// Makes room for at least `bytes`. Contents are not kept: only a greenlet that is wholly in
  /// place asks. False, with nothing changed, if there is no memory.
  bool grow(std::size_t bytes) noexcept;

  /// The contents are back in place. A buffer that was far too large for them several times in a
  /// row, as after a deep episode, goes back to the heap; then the room has to do. Whether it may
  /// have gone.
  bool clear() noexcept {
    const bool worth_a_look = size_ != 0 && is_large();
    if (worth_a_look) count_use();
    size_ = 0;
    return worth_a_look;
  }
  /// Whether `clear` may give its buffer back.
  bool is_large() const noexcept { return capacity_ >= large; }
  /// Gives back what is not the room. Contents are lost.
  void release() noexcept {
    if (on_heap()) give_back_buffer();
    size_ = 0;
  }

 private:
  static constexpr std::uint32_t large = 4096;  ///< a buffer below this is not worth giving back

  void count_use() noexcept;
  void give_back_buffer() noexcept;
  std::byte* room() const noexcept {
    return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(this) + room_distance_);
  }

  std::byte* buffer_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t size_ = 0;
  std::uint16_t room_distance_ = 0;
  std::uint16_t room_capacity_ = 0;
  std::uint8_t small_uses_ = 0;
};

/// How many slice buffers lie on the heap now, on all threads: for leak checks. Exact only while no
/// other thread switches.
std::size_t slices_on_heap() noexcept;

}  // namespace offshoot::detail
