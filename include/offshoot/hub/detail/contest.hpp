/// Who may serve a greenlet that several threads could serve at once.
#pragma once

#include <atomic>
#include <cstdint>

namespace offshoot::detail {

/// Of a greenlet in a `select` with cases that other threads can serve. Whoever would serve any of
/// its cases must win first, and only one does. Touched by other threads only while it is open, or
/// was, and under the lock of what they serve with.
class contest {
 public:
  /// By its own greenlet, once for each such case.
  void open() noexcept {
    auto expected = state::none;
    state_.compare_exchange_strong(expected, state::open, std::memory_order_release,
                                   std::memory_order_relaxed);
  }
  bool contested() const noexcept { return state_.load(std::memory_order_relaxed) != state::none; }
  bool is_open() const noexcept { return state_.load(std::memory_order_acquire) == state::open; }
  /// True for one; and for everybody where there is no contest.
  bool win() noexcept {
    auto expected = state::open;
    return state_.load(std::memory_order_relaxed) == state::none ||
           state_.compare_exchange_strong(expected, state::taken, std::memory_order_acq_rel);
  }
  /// By its own greenlet, when it is in no list any more.
  void end() noexcept { state_.store(state::none, std::memory_order_relaxed); }

 private:
  enum class state : std::uint8_t { none, open, taken };
  std::atomic<state> state_{state::none};
};

}  // namespace offshoot::detail
