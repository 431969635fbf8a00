/// The runner itself: this program says what it must not. The test is to fail.
// ends: 0
// says: I say it
// never says: say it
#include <cstdio>

int main() {
  std::fputs("I say it\n", stderr);
}
