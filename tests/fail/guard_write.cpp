/// Guarded mode stops whoever writes to the stack of a suspended greenlet, and says that it wrote.
// ends: SIGSEGV
// says: offshoot: stray (write|access) at 0x[0-9a-f]+, in the stack of greenlet 'lender' #
// says: 'lender' #\d+ \(nested\), spawned at .*guard_write\.cpp:16, which is suspended
// says: by main greenlet #\d+, at:
// says: writing_culprit
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/lent.hpp"

using offshoot::placement;

int main() {
  offshoot::set_guard_mode(offshoot::guard_mode::copied);
  const offshoot::greenlet lender(&test::lend, {.where = placement::nested, .name = "lender"});
  lender.switch_to();
  return writing_culprit();
}
