/// Frames as a signal handler can write them.
#pragma once

#include <offshoot/detail/raw_text.hpp>

#include <cstdint>

#include "core/control_block.hpp"

namespace offshoot::detail {

/// A line for each frame of a suspended greenlet, behind so many spaces.
void append_frames(raw_text& out, control_block& suspended, unsigned indent = 4) noexcept;

/// The same for whoever is in place and was interrupted, or would go on there.
void append_frames(raw_text& out, const interruption& from, unsigned indent = 4) noexcept;

}  // namespace offshoot::detail
