/// An exception that would leave a noexcept function ends the program where it stands, with the
/// greenlet's own stack to look at, and none of the stack of whoever resumed it (S28).
// ends: SIGABRT
// says: terminate because of: boom
// says: the culprit's frame is there, and nothing above the trampoline
#include <offshoot/greenlet.hpp>

#include <exception>
#include <stdexcept>

#include "fail/die.hpp"

using offshoot::greenlet;

namespace {

[[gnu::noinline]] void throws() {
  throw std::runtime_error("boom");
}

constexpr int untouched = 4711;
const volatile int* in_the_culprits_frame = nullptr;

[[gnu::noinline]] void culprit() noexcept {
  volatile int local = untouched;
  in_the_culprits_frame = &local;
  throws();
  asm volatile("");
}

[[noreturn]] void at_end() {
  try {
    throw;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "terminate because of: %s\n", error.what());
  }
  const auto seen = test::look_for(reinterpret_cast<std::uintptr_t>(&culprit));
  // Not found: with clang and LTO, what calls terminate has no unwind information, and hides it.
  if (*in_the_culprits_frame == untouched && (!seen.found || test::ends_at_trampoline(seen))) {
    std::fputs("the culprit's frame is there, and nothing above the trampoline\n", stderr);
  }
  std::abort();
}

}  // namespace

int main() {
  std::set_terminate(&at_end);
  const greenlet g{[] {
    greenlet::current().parent().switch_to();
    culprit();
  }};
  g.switch_to();
  try {
    g.switch_to();
  } catch (...) {  // must never get here: these are another greenlet's frames
  }
}
