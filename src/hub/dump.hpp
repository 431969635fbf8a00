/// The tree of greenlets, also for a signal handler that has interrupted the thread.
#pragma once

namespace offshoot::detail {

/// As dump(fd). The current greenlet's frames begin where the signal came whose handler has got
/// `interrupted` as its third argument, and then the thread must be at rest (raw_trace.hpp); if it
/// is null, in the function that is called back at `returns_to`. May change errno, as the one
/// below.
void write_tree(int fd, const void* interrupted, const void* returns_to) noexcept;

/// "greenlet 'reader' #7 (lane), spawned at server.cpp:12, runs" and the frames of the current one.
void write_current(int fd, const void* interrupted) noexcept;

}  // namespace offshoot::detail
