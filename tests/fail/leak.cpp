/// LeakSanitizer sees that memory is held by a greenlet that is out, or in place, and that it no
/// longer is.
// ends: 3
// says: all is held: 0
// says: detected memory leaks
// says: in let_go
// says: some is lost: 1
#include <cstdio>

#include "fail/resume.hpp"

extern "C" int __lsan_do_recoverable_leak_check(void);

namespace {

/// Its own function, so that let_go has no other copy of the address by chance.
[[gnu::noinline]] void hold(int* volatile* place) {
  *place = new int(1);
}

[[gnu::noinline]] void let_go() {
  int* volatile held = nullptr;
  hold(&held);
  test::to_parent();
  held = nullptr;
  test::to_parent();
}

[[gnu::noinline]] void hold_to_the_end() {
  int* volatile held = new int(2);
  test::to_parent();
  delete held;
}

}  // namespace

int main() {
  const offshoot::greenlet in_place{&hold_to_the_end, {.where = offshoot::placement::dedicated}};
  in_place.switch_to();
  test::resume_from_slice(&let_go, [] {
    std::fprintf(stderr, "all is held: %d\n", __lsan_do_recoverable_leak_check());
  });
  std::fprintf(stderr, "some is lost: %d\n", __lsan_do_recoverable_leak_check());
  std::_Exit(3);  // without another look
}
