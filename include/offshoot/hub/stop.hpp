/// Stopping as something to wait for: the standard library's stop tokens.
#pragma once

#include <offshoot/export.hpp>

#include <stop_token>

namespace offshoot {

/// Waits until a stop is requested of `stop`'s source, on any thread; returns at once if it has
/// been. While it waits its hub does not throw `would_block_forever`, unless nobody can request
/// one. Throws std::bad_alloc, `greenlet_exit` when killed, and `timed_out`.
OFFSHOOT_API void wait_for_stop(const std::stop_token& stop);

}  // namespace offshoot
