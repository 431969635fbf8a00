/// A stack overflow on a lane hits its guard page and nobody's memory; the diagnostic names the
/// greenlet, and then the handler that was there before has its turn, on its own signal stack
/// (S30).
// ends: SIGSEGV
// says: offshoot: stack overflow: greenlet 'deep' #\d+ \(lane\), spawned at
// says: spawned at .*overflow_on_lane\.cpp:16, has used up its stack of 1048576 bytes
// says: the guard page was hit
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/die.hpp"

int main() {
  test::tell_of_guard_hits();
  offshoot::install_overflow_diagnostic();
  const offshoot::greenlet g(&test::run_deep, {.where = offshoot::placement::lane, .name = "deep"});
  return g.switch_to().get<int>();
}
