/// The C++ runtime's per-thread exception state, which Offshoot makes per greenlet (S26).
#pragma once

#include <offshoot/detail/switch.hpp>

#include <cxxabi.h>

namespace offshoot::detail {

/// The calling thread's. Its address is kept per thread: the runtime declares the function `const`,
/// so a compiler may merge calls, but a greenlet never changes threads.
inline exception_state* thread_exception_state() noexcept {
  return reinterpret_cast<exception_state*>(__cxxabiv1::__cxa_get_globals());
}

}  // namespace offshoot::detail
