/// A stack overflow on a dedicated stack hits its guard page and nobody's memory (S30).
// ends: SIGSEGV
// says: the guard page was hit
#include <offshoot/greenlet.hpp>

#include "fail/die.hpp"

int main() {
  test::tell_of_guard_hits();
  const offshoot::greenlet g{[] { return test::recurse(0); },
                             {.where = offshoot::placement::dedicated}};
  return g.switch_to().get<int>();
}
