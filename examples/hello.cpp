/// Two greenlets take turns.
#include <offshoot/greenlet.hpp>

#include <cstdio>

using offshoot::greenlet;

int main() {
  greenlet first;
  greenlet second;
  first = greenlet{[&] {
    std::puts("12");
    second.switch_to();
    std::puts("34");
  }};  // ends here: back to its parent, main
  second = greenlet{[&] {
    std::puts("56");
    first.switch_to();
    std::puts("78");  // never: nobody switches back
  }};
  first.switch_to();
}
