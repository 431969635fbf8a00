/// Guarded mode also stops whoever uses the stack of a greenlet that has finished.
// ends: SIGSEGV
// says: offshoot: stray (read|access) at 0x[0-9a-f]+, in the stack of a greenlet that has finished
// says: by main greenlet #\d+, at:
// says: reading_culprit
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/lent.hpp"

int main() {
  offshoot::set_guard_mode(offshoot::guard_mode::copied);
  const offshoot::greenlet lender{&test::lend};
  lender.switch_to();
  lender.switch_to();
  return lender.dead() ? reading_culprit() : 0;
}
