/// Points in time as the hub counts them.
#pragma once

#include <offshoot/export.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace offshoot::detail {

/// Nanoseconds of the hub's clock: the steady clock, as far as anybody can tell.
using instant = std::int64_t;
inline constexpr instant never = std::numeric_limits<instant>::max();

OFFSHOOT_API instant instant_of(std::chrono::steady_clock::time_point deadline) noexcept;
/// `time` from now; `never` if that is too long for the clock. Makes the calling thread's hub.
OFFSHOOT_API instant instant_after(std::chrono::nanoseconds time);

}  // namespace offshoot::detail
