/// A stack overflow of a nested greenlet hits the guard page of the stack that it shares (S30).
// ends: SIGSEGV
// says: offshoot: stack overflow: greenlet 'inner' #\d+ \(nested\), spawned at
// says: spawned at .*overflow_on_nested\.cpp:18, has used up its stack of \d+ bytes
// says: the guard page was hit
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/die.hpp"

using offshoot::greenlet;
using offshoot::placement;

int main() {
  test::tell_of_guard_hits();
  offshoot::install_overflow_diagnostic();
  const auto start_inner = [] {
    const greenlet inner(&test::run_deep, {.where = placement::nested, .name = "inner"});
    return inner.switch_to().get<int>();
  };
  const greenlet outer(start_inner, {.where = placement::dedicated});
  return outer.switch_to().get<int>();
}
