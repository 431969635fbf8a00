/// Guarded mode leaves a dedicated stack open, whose locals may be lent; asked for all, it does
/// not.
// ends: SIGSEGV
// says: lent as ever
// says: offshoot: stray (write|access) at 0x[0-9a-f]+, in the stack of greenlet 'lender' #\d+ \(dedicated\)
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <cstdio>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include "fail/lent.hpp"

using offshoot::guard_mode;
using offshoot::placement;

namespace {

void lend_and_write(guard_mode mode) {
  offshoot::set_guard_mode(mode);
  const offshoot::greenlet lender(&test::lend, {.where = placement::dedicated, .name = "lender"});
  lender.switch_to();
  writing_culprit();
}

}  // namespace

int main() {
  const pid_t child = fork();  // before the first greenlet: each has a mode of its own
  if (child == 0) {
    lend_and_write(guard_mode::copied);
    std::_Exit(0);
  }
  int status = -1;
  if (waitpid(child, &status, 0) == child && status == 0) std::fputs("lent as ever\n", stderr);
  lend_and_write(guard_mode::all);
}
