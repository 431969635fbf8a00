/// An exception that leaves a greenlet which is being destroyed is printed, and the program goes on
/// (S20).
// ends: 3
// says: offshoot: greenlet 'odd' #\d+ was being destroyed and threw std::runtime_error: not now
// says: offshoot: greenlet #\d+ was being destroyed and threw int
#include <offshoot/greenlet.hpp>

#include <stdexcept>

using offshoot::greenlet;

int main() {
  greenlet odd{[] {
                 try {
                   greenlet::current().parent().switch_to();
                 } catch (const offshoot::greenlet_exit&) {
                   throw std::runtime_error("not now");
                 }
               },
               {.name = "odd"}};
  odd.switch_to();
  odd.reset();
  greenlet plain{[] {
    try {
      greenlet::current().parent().switch_to();
    } catch (const offshoot::greenlet_exit&) {
      throw 1;
    }
  }};
  plain.switch_to();
  plain.reset();
  return 3;
}
