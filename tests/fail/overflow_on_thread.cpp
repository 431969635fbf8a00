/// The diagnostic also works on a thread that had greenlets before it was installed, from the next
/// start on (S30).
// ends: SIGSEGV
// says: offshoot: stack overflow: greenlet 'deep' #\d+ \(lane\), spawned at
// says: spawned at .*overflow_on_thread\.cpp:19, has used up its stack
// says: recurse
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <thread>

#include "fail/die.hpp"

int main() {
  std::thread([] {
    offshoot::greenlet::main();
    std::thread(&offshoot::install_overflow_diagnostic).join();
    const offshoot::options named{.name = "deep"};
    const offshoot::greenlet g(&test::run_deep, named);
    g.switch_to();
  }).join();
}
