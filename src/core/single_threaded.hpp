/// Whether the process has one thread, where the C library can tell.
#pragma once

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace offshoot::detail {

/// True: no other thread can interfere before this one starts one, so that what must be atomic need
/// not be. False: there may be others.
inline bool single_threaded() noexcept {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

}  // namespace offshoot::detail
