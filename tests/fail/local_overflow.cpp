/// AddressSanitizer sees an overflow of a local in a frame that has been away and come back.
// ends: SIGABRT
// says: stack-buffer-overflow
// says: in overflow
// says: 'eight_bytes'.* <== Memory access .* overflows this variable
#include "fail/resume.hpp"

namespace {

volatile int eight = 8;

[[gnu::noinline]] void overflow() {
  volatile char eight_bytes[8] = {};
  volatile char* volatile bytes = eight_bytes;  // of which UBSan does not know the bounds
  test::to_parent();
  bytes[eight] = 1;
}

}  // namespace

int main() {
  test::resume_from_slice(&overflow);
}
