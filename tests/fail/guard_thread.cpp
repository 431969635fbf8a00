/// Guarded mode stops another thread, one without greenlets, that writes to a suspended stack.
// ends: SIGSEGV
// says: offshoot: stray (write|access) at 0x[0-9a-f]+, in the stack of greenlet 'lender' #
// says: 'lender' #\d+ \(lane\), spawned at .*guard_thread\.cpp:16, which is suspended
// says: by a thread without greenlets, number \d+, at:
// says: writing_culprit
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <thread>

#include "fail/lent.hpp"

int main() {
  offshoot::set_guard_mode(offshoot::guard_mode::copied);
  const offshoot::greenlet lender(&test::lend, {.name = "lender"});
  lender.switch_to();
  int written = 0;
  std::thread([&written] { written = writing_culprit(); }).join();
  return written;
}
