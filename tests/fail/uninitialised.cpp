/// MemorySanitizer and Valgrind see that a greenlet which has been away reads a local that was
/// never set, and do not mind those that were.
// ends: 9
// says: a set one is fine\n(.*\n)*.*(depends on uninitialised value|use-of-uninitialized-value)
// says: (by|#\d+|at) .*reads_it
#include <cstdio>

#include "fail/resume.hpp"

namespace {

[[gnu::noinline]] void reads_it() {
  volatile int set[2] = {1, 2};
  volatile int never_set[2];
  test::to_parent();
  if (set[1] == 2) std::fputs("a set one is fine\n", stderr);
  if (never_set[1] == 4711) std::fputs("by chance\n", stderr);
}

}  // namespace

int main() {
  test::resume_from_slice(&reads_it);
}
