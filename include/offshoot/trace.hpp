/// Tracing and diagnostics of a thread's greenlets.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <exception>
#include <functional>

namespace offshoot {

enum class trace_event : std::uint8_t {
  switched,  ///< a value arrived: also the start and the finish of a greenlet
  thrown,    ///< an exception arrived
};

/// Called on the target's stack right after each arrival, before the payload is looked at (S33).
using tracer = std::function<void(trace_event, const greenlet& from, const greenlet& to)>;

/// Sets this thread's tracer and returns the one before; an empty one ends tracing. A tracer that
/// throws is removed, and its exception takes the payload's place. Its own switches are not traced.
OFFSHOOT_API tracer set_trace(tracer callback);

/// Called with an exception that nobody can receive: one that left a greenlet which was being
/// destroyed (S20). Must not throw.
using unraisable_handler = void (*)(std::exception_ptr exception, const greenlet& origin) noexcept;

/// Sets the process's handler and returns the one before. Null: the default, which prints the
/// exception and the greenlet's name on standard error and goes on. Any thread.
OFFSHOOT_API unraisable_handler set_unraisable_handler(unraisable_handler handler) noexcept;

/// Calls `visit` for each active greenlet of this thread, its main one included, in no particular
/// order. `visit` may do anything but start or finish greenlets.
OFFSHOOT_API void for_each_greenlet(const std::function<void(const greenlet&)>& visit);

/// What it has cost a thread that its greenlets share stacks.
struct copy_counts {
  /// How often bytes had to leave a stack for those of another greenlet.
  std::uint64_t evictions = 0;
  /// How many have left. They come back when their greenlet runs on, which is not counted again.
  std::uint64_t bytes = 0;
};

/// Of the calling thread, since its first greenlet.
OFFSHOOT_API copy_counts copies() noexcept;

/// Writes the back traces of this thread's greenlets to a descriptor, the current one's first:
/// name, id, placement, where it was spawned, parents, and a line for each frame with the object
/// file, the offset in it (for addr2line) and, of functions that are exported, the name as it is
/// mangled. For handlers of fatal signals; backtrace.hpp has what is pleasant to read.
///
/// `interrupted` is a handler's third argument; null: the current one's trace begins at the caller.
/// Allocates nothing from the heap and uses no stdio. What is not async-signal-safe by the letter:
/// mmap for a greenlet that is out, the C++ runtime's unwinder, and dladdr, which takes the dynamic
/// loader's lock: it waits if another thread is in dlopen. A stack that has been overwritten can
/// make the unwinder fault: what was found before that is written by then. Needs 8 KiB of stack.
OFFSHOOT_API void write_backtraces(int fd, const void* interrupted = nullptr) noexcept;

}  // namespace offshoot
