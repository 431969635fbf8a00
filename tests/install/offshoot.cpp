/// What a user of the installed library may write: a switch, an exception that crosses one, and one
/// greenlet in each placement.
#include <offshoot/offshoot.hpp>

#include <iostream>
#include <stdexcept>

using offshoot::greenlet;
using offshoot::placement;

int main() {
  for (const auto where : {placement::lane, placement::dedicated, placement::nested}) {
    const greenlet twice{
        [](int first) { return 2 * greenlet::current().parent().switch_to(first + 1).get<int>(); },
        {.where = where}};
    std::cout << twice.switch_to(1).get<int>() << ' ' << twice.switch_to(5).get<int>() << '\n';
  }
  const greenlet failing{[] { throw std::runtime_error("thrown in a greenlet"); }};
  try {
    failing.switch_to();
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << '\n';
  }
}
