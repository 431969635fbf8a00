/// The call of a thread's tracer.
#pragma once

#include "core/thread_state.hpp"

namespace offshoot::detail {

/// Calls it for an arrival of `got` from `from`. If it throws, it is removed and its exception
/// takes the place of `got` (S33).
void trace_arrival(thread_state& here, trace_event event, const greenlet& from,
                   delivery& got) noexcept;

}  // namespace offshoot::detail
