/// All greenlets of a thread, what each waits for, and where it stands.
#pragma once

#include <offshoot/export.hpp>

namespace offshoot {

/// Writes the tree of the calling thread's greenlets to a descriptor, for people to read: each
/// indented below its parent, with name, id, placement and where it was spawned, what it waits for
/// in the hub, and a line for each of its frames, as those of write_backtraces (trace.hpp). Tasks
/// that have not begun are told by their number.
///
/// Waits for nothing and allocates nothing from the heap. An error in writing is not reported.
/// For the same on a signal, and of a thread that does not come round to it: monitor.hpp.
OFFSHOOT_API void dump(int fd) noexcept;

}  // namespace offshoot
