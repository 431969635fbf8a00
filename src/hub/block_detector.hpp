/// Decides from looks at a hub, made from time to time, whether somebody holds its thread.
#pragma once

#include <offshoot/hub/detail/instant.hpp>

#include <algorithm>
#include <cstdint>

namespace offshoot::detail {

class block_detector {
 public:
  /// `limit` nanoseconds are too long; looks are made every `interval`.
  block_detector(instant limit, instant interval) noexcept : limit_(limit), interval_(interval) {}

  /// At `now` the hub has made so many switches, and sleeps or does not. True once for each that
  /// holds the thread.
  ///
  /// Between two looks no more than twice the interval counts: if they are further apart, the
  /// looker had no processor, and maybe nobody had.
  bool look(instant now, std::uint64_t switches, bool asleep) noexcept {
    const instant passed = std::min(now - last_look_, 2 * interval_);
    last_look_ = now;
    if (asleep || switches != switches_) {
      switches_ = switches;
      held_ = 0;
      told_ = false;
      return false;
    }
    held_ += passed;
    if (told_ || held_ < limit_) return false;
    told_ = true;
    return true;
  }

  /// For how long, at the last look, it had been held at least.
  instant held() const noexcept { return held_; }

 private:
  instant limit_;
  instant interval_;
  instant last_look_ = 0;
  instant held_ = 0;
  std::uint64_t switches_ = ~std::uint64_t{0};
  bool told_ = false;
};

}  // namespace offshoot::detail
