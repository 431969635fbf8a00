/// exit() in a greenlet runs what it always runs, and touches no greenlet: their frames are still
/// to be returned to (S23).
// ends: 7
// says: static destroyed
#include <offshoot/greenlet.hpp>

#include <cstdio>
#include <cstdlib>

using offshoot::greenlet;

namespace {

struct note {
  ~note() { std::fputs("static destroyed\n", stderr); }
} at_end;

struct must_not_run {
  ~must_not_run() { std::_Exit(99); }
};

}  // namespace

int main() {
  const greenlet suspended{[] {
    const must_not_run local;
    greenlet::current().parent().switch_to();
  }};
  suspended.switch_to();
  const greenlet exits{[] { std::exit(7); }};
  exits.switch_to();
}
