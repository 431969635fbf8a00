/// A handler of a fatal signal writes where every greenlet of the thread stands: the one that
/// crashed, and those that wait in place, in a slice, and with a part of their bytes in it.
// ends: SIGSEGV
// says: (?m)^greenlet 'culprit' #\d+ \(dedicated\), spawned at .*backtraces_of_a_crash.cpp:\d+, parents: greenlet 'waits' #\d+, main greenlet #1\n    #0 crash\+
// says: 'culprit'.*\n(    #.*\n)*    #\d+ crash\+.*\n    #\d+ in_crash\+
// says: main greenlet #1\n(    #.*\n)*    #\d+ main\+
// says: 'in place' #.*\n(    #.*\n)*    #\d+ stand\+.*\n    #\d+ stand_in_place\+
// says: 'out' #.*\n(    #.*\n)*    #\d+ stand\+.*\n    #\d+ stand_out\+
// says: 'partly' #.*\n(    #.*\n)*    #\d+ stand\+.*\n(    #\d+ stand_aligned\+.*\n){4}    #\d+ stand_partly\+
// says: 'waits' #.*\n(    #.*\n)*    #\d+ in_waits\+
// says: out: some, partly: some
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>
#include <offshoot/trace.hpp>

#include <cstdio>

#include "fail/die.hpp"
#include "support/standing.hpp"

using offshoot::greenlet;
using offshoot::placement;

extern "C" {
[[gnu::used, gnu::noinline]] void crash(volatile int* nowhere) {
  *nowhere = 1;
  test::keep_frame();
}
[[gnu::used, gnu::noinline]] void in_crash() {
  crash(nullptr);
  test::keep_frame();
}
[[gnu::used, gnu::noinline]] void in_waits() {
  const greenlet culprit(&in_crash, {.where = placement::dedicated, .name = "culprit"});
  culprit.switch_to();
  test::keep_frame();
}
}

int main() {
  test::handle_faults([](int, siginfo_t*, void* interrupted) {
    offshoot::write_backtraces(2, interrupted);
    signal(SIGSEGV, SIG_DFL);
  });
  offshoot::set_guard_mode(offshoot::guard_mode::off);  // where nothing is ever out
  const test::standing all;
  std::fprintf(stderr, "out: %s, partly: %s\n", all.out.stack_saved_bytes() != 0 ? "some" : "none",
               all.partly.stack_saved_bytes() != 0 ? "some" : "none");
  const greenlet waits(&in_waits, {.where = placement::nested, .name = "waits"});
  waits.switch_to();
}
