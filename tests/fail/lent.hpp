/// For programs that die of an address on another greenlet's stack.
#pragma once

#include <offshoot/greenlet.hpp>

namespace test {

/// Smuggled out past the look at captures.
inline volatile int* lent = nullptr;

/// Suspends with an object on its stack that is known outside.
inline void lend() {
  volatile int local = 1;
  lent = &local;
  offshoot::greenlet::current().parent().switch_to();
}

}  // namespace test

// Found by name in a back trace.
extern "C" [[gnu::used, gnu::noinline]] inline int reading_culprit() {
  return *test::lent + 1;
}
extern "C" [[gnu::used, gnu::noinline]] inline int writing_culprit() {
  *test::lent = 5;
  return 1;
}
