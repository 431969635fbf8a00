/// UndefinedBehaviorSanitizer sees an overflow in a greenlet that has been away.
// ends: SIGABRT
// says: undefined.cpp:\d+:\d+: runtime error: signed integer overflow
#include <limits>

#include "fail/resume.hpp"

namespace {

[[gnu::noinline]] void counts_too_far() {
  volatile int most = std::numeric_limits<int>::max();
  test::to_parent();
  most = most + 1;
}

}  // namespace

int main() {
  test::resume_from_slice(&counts_too_far);
}
