/// Guarded mode stops a greenlet that reads the stack of one that is suspended.
// ends: SIGSEGV
// says: offshoot: stray (read|access) at 0x[0-9a-f]+, in the stack of greenlet 'lender' #
// says: 'lender' #\d+ \(lane\), spawned at .*guard_read\.cpp:19, which is suspended
// says: by greenlet 'borrower' #\d+ \(nested\), spawned at .*guard_read\.cpp:21, at:
// says: #0 reading_culprit
// says: which waits at:
// says: lendEv
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include "fail/lent.hpp"

using offshoot::greenlet;

int main() {
  offshoot::set_guard_mode(offshoot::guard_mode::copied);
  const auto borrow = [] { return reading_culprit(); };
  const greenlet lender(&test::lend, {.name = "lender"});
  lender.switch_to();
  const greenlet borrower(borrow, {.where = offshoot::placement::nested, .name = "borrower"});
  return borrower.switch_to().get<int>();
}
