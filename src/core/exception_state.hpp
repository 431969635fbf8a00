/// The C++ runtime's per-thread exception state, which Offshoot makes per greenlet (S26).
#pragma once

#include <cxxabi.h>

namespace offshoot::detail {

/// `__cxa_eh_globals` of the Itanium C++ ABI (Exception Handling, 2.2.2), which the runtime's
/// header leaves opaque: the stack of caught exceptions and the number of uncaught ones. A fresh
/// greenlet begins with both zero.
struct exception_state {
  void* caught = nullptr;
  unsigned uncaught = 0;

  bool idle() const noexcept { return caught == nullptr && uncaught == 0; }
};

/// The calling thread's. Its address is kept per thread: the runtime declares the function `const`,
/// so a compiler may merge calls, but a greenlet never changes threads.
inline exception_state* thread_exception_state() noexcept {
  return reinterpret_cast<exception_state*>(__cxxabiv1::__cxa_get_globals());
}

}  // namespace offshoot::detail
