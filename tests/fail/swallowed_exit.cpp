/// A greenlet that catches the exit again and again while it is being destroyed ends the program,
/// with a message that names it (S21).
// ends: SIGABRT
// says: offshoot: greenlet 'stubborn' #\d+ swallowed greenlet_exit 100 times
#include <offshoot/greenlet.hpp>

using offshoot::greenlet;

int main() {
  greenlet stubborn{[] {
                      for (;;) {
                        try {
                          greenlet::current().parent().switch_to();
                        } catch (const offshoot::greenlet_exit&) {
                        }
                      }
                    },
                    {.name = "stubborn"}};
  stubborn.switch_to();
  stubborn.reset();
}
