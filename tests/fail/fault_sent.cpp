/// With the diagnostic installed, a SIGSEGV that somebody has sent still ends the process.
// ends: SIGSEGV
// says: about to send it
// never says: offshoot
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <cstdio>

#include <signal.h>

int main() {
  offshoot::install_overflow_diagnostic();
  const offshoot::greenlet g{[] {
    std::fputs("about to send it\n", stderr);
    raise(SIGSEGV);
  }};
  g.switch_to();
}
