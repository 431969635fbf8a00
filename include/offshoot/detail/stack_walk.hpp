/// What offshoot-trace asks the core about a greenlet's frames.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace offshoot::detail {

/// For each frame, innermost first, an address inside the instruction that is at work in it. Of the
/// current greenlet, from the function on that goes on at `returns_to` (the caller's return
/// address). None unless it has
/// begun and has not finished. Throws `greenlet_error` for an empty handle, `wrong_thread`,
/// std::bad_alloc.
OFFSHOOT_API std::vector<std::uintptr_t> walk_stack(const greenlet& which, const void* returns_to);

/// As messages speak of it: "greenlet 'reader' #7 (lane), spawned at server.cpp:12".
OFFSHOOT_API std::string describe(const greenlet& which);

}  // namespace offshoot::detail
