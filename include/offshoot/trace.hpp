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

}  // namespace offshoot
