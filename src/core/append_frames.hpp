/// Frames as a signal handler can write them.
#pragma once

#include <cstdint>

#include "core/control_block.hpp"
#include "core/raw_text.hpp"

namespace offshoot::detail {

/// A line for each frame of a suspended greenlet.
void append_frames(raw_text& out, control_block& suspended) noexcept;

/// The same for whoever is in place and goes on at `from`.
void append_frames(raw_text& out, const context& from) noexcept;

}  // namespace offshoot::detail
