/// The runner itself: this program dies in the right way without a word. The test is to fail.
// ends: SIGABRT
// says: I say it
#include <cstdlib>

int main() {
  std::abort();
}
