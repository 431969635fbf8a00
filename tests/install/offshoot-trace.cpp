/// What a user of the installed offshoot-trace may write: where a suspended greenlet began.
#include <offshoot/backtrace.hpp>
#include <offshoot/greenlet.hpp>

#include <iostream>

int main() {
  const offshoot::greenlet g{[] { offshoot::greenlet::current().parent().switch_to(); }};
  g.switch_to();
  for (const auto& frame : offshoot::backtrace(g).frames) {
    if (frame.function == "offshoot_start") std::cout << "from " << frame.function << '\n';
  }
  std::cout << offshoot::backtrace_all().size() << " greenlets\n";
}
