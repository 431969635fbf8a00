/// With the diagnostic installed, any other fault goes to the handler that was there before,
/// without a word.
// ends: 3
// says: handled by its own handler
// never says: offshoot
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <string_view>

#include <signal.h>
#include <unistd.h>

namespace {

void on_fault(int) {
  constexpr std::string_view text = "handled by its own handler\n";
  if (write(STDERR_FILENO, text.data(), text.size()) > 0) _exit(3);
}

}  // namespace

int main() {
  signal(SIGSEGV, &on_fault);
  offshoot::install_overflow_diagnostic();
  const offshoot::greenlet g{[] {
    static int* volatile nowhere = nullptr;
    return *nowhere;
  }};
  return g.switch_to().get<int>();
}
