/// The runner itself: this program survives and says the right thing. The test is to fail.
// ends: SIGABRT
// says: I say it
#include <cstdio>

int main() {
  std::fputs("I say it\n", stderr);
}
