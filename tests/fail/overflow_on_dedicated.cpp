/// A stack overflow on a dedicated stack hits its guard page and nobody's memory, and the
/// diagnostic, with nothing but its own signal stack, names the greenlet (S30).
// ends: SIGSEGV
// says: offshoot: stack overflow: greenlet 'deep' #\d+ \(dedicated\), spawned at
// says: spawned at .*overflow_on_dedicated\.cpp:18, has used up its stack of 6\d{4} bytes
// says: options\{\.where = placement::dedicated, \.stack_size = \.\.\.\}
// says: recurse
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/die.hpp"

using offshoot::placement;

int main() {
  offshoot::install_overflow_diagnostic();
  const offshoot::options small{.where = placement::dedicated, .name = "deep", .stack_size = 65536};
  const offshoot::greenlet g(&test::run_deep, small);
  return g.switch_to().get<int>();
}
