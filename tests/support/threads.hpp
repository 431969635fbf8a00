/// What the tests of greenlets and threads begin with.
#pragma once

#include <offshoot/greenlet.hpp>

#include <thread>
#include <utility>

#include "support/counted.hpp"
#include "support/fixture.hpp"

namespace test {

/// A greenlet that is suspended with a counted object on its stack.
inline offshoot::greenlet suspended(offshoot::placement where) {
  offshoot::greenlet made{[] {
                            const counted local(0);
                            to_parent();
                          },
                          {.where = where}};
  made.switch_to();
  return made;
}

/// Runs `work` on a new thread, and waits for its end.
template <class F>
void elsewhere(F&& work) {
  std::thread(std::forward<F>(work)).join();
}

}  // namespace test
