/// AddressSanitizer sees that a greenlet which has been away uses a local of a function that has
/// returned.
// ends: SIGABRT
// says: stack-use-after-return
// says: in uses_it
// says: 'gone'
#include "fail/resume.hpp"

namespace {

int* volatile to_it = nullptr;

[[gnu::noinline]] void lends_it() {
  int gone = 1;
  to_it = &gone;
  test::to_parent();
}

[[gnu::noinline]] void uses_it() {
  lends_it();
  *to_it = 2;
}

}  // namespace

int main() {
  test::resume_from_slice(&uses_it);
}
