/// A stack overflow of a nested greenlet hits the guard page of the stack that it shares (S30).
// ends: SIGSEGV
// says: the guard page was hit
#include <offshoot/greenlet.hpp>

#include "fail/die.hpp"

using offshoot::greenlet;

int main() {
  test::tell_of_guard_hits();
  const greenlet outer{[] {
                         const greenlet inner{[] { return test::recurse(0); },
                                              {.where = offshoot::placement::nested}};
                         return inner.switch_to().get<int>();
                       },
                       {.where = offshoot::placement::dedicated}};
  return outer.switch_to().get<int>();
}
