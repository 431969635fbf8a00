/// What a runtime above the core can write of greenlets where it may not allocate: in a signal
/// handler, when that has interrupted the thread anywhere.
#pragma once

#include <offshoot/detail/heads.hpp>
#include <offshoot/detail/raw_text.hpp>
#include <offshoot/export.hpp>
#include <offshoot/spawn_site.hpp>

#include <cstdint>
#include <string_view>

namespace offshoot::detail {

/// Whether the calling thread's greenlets are where they are said to be, and may be looked at. Not
/// so in the midst of a switch, which a signal may have interrupted: `interrupted` is its handler's
/// third argument.
OFFSHOOT_API bool at_rest(const void* interrupted) noexcept;

/// The calling thread's active greenlets: the main one after null, then the others, those that
/// started last first, and null after the last.
OFFSHOOT_API control_block* next_active(const control_block* before) noexcept;

/// Who a greenlet is. The name lives as long as it does.
struct identity {
  std::uint64_t id;
  std::string_view name;
  spawn_site site;
};
OFFSHOOT_API identity identity_of(const control_block& which) noexcept;

/// "greenlet 'name' #7"
OFFSHOOT_API void write_label(raw_text& out, const control_block& which) noexcept;
/// "greenlet 'name' #7 (lane), spawned at file.cpp:12"
OFFSHOOT_API void write_origin(raw_text& out, const control_block& which) noexcept;
/// A line for each frame, behind so many spaces. Those of the current one begin where a signal came
/// whose handler has got `interrupted` as its third argument; if that is null, in the function that
/// is called back at `returns_to`. Allows for the same in a handler as write_backtraces
/// (trace.hpp).
OFFSHOOT_API void write_frames(raw_text& out, control_block& which, const void* interrupted,
                               const void* returns_to, unsigned indent) noexcept;

/// Gives the calling thread a stack for signal handlers, unless it has one, until its end. Throws
/// std::bad_alloc, `not_startable`.
OFFSHOOT_API void make_signal_stack();

}  // namespace offshoot::detail
