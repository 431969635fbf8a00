/// Words for who waits for what. Those for a raw_text may be put together in a signal handler.
#pragma once

#include <offshoot/detail/raw_text.hpp>

#include <string>

#include "hub/record.hpp"

namespace offshoot::detail {

/// "waits for an event", of a record whose greenlet is parked.
void append_wait(raw_text& out, const record& waiting) noexcept;

/// A line for each greenlet of this thread that waits in the hub, for some of them if there are
/// many. Each begins with a line break.
std::string who_waits_for_what();

}  // namespace offshoot::detail
