/// Frames as a signal handler can write them.
#pragma once

#include <cstdint>

#include "core/control_block.hpp"
#include "core/raw_text.hpp"

namespace offshoot::detail {

/// A line for each frame of a suspended greenlet.
void append_frames(raw_text& out, control_block& suspended) noexcept;

/// The same for whoever is in place and was interrupted, or would go on there.
void append_frames(raw_text& out, const interruption& from) noexcept;

}  // namespace offshoot::detail
