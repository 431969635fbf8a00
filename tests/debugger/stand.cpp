/// What gdb is tested on: greenlets that stand in every way, on the main thread and on another,
/// while the main thread is in `stop_here`. Says at the end whether all of them went on well.
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <cstdio>
#include <semaphore>
#include <thread>

#include "support/standing.hpp"

using offshoot::greenlet;

extern "C" {
[[gnu::noinline]] void stop_here() {
  test::keep_frame();
}
[[gnu::noinline]] void in_current() {
  stop_here();
  test::keep_frame();
}
[[gnu::noinline]] void stand_elsewhere() {
  stand();
  test::keep_frame();
}
}

namespace {

bool finish(const greenlet& each) {
  each.switch_to();
  return each.dead();
}

}  // namespace

int main() {
  offshoot::set_guard_mode(offshoot::guard_mode::off);  // where nothing is ever out
  std::binary_semaphore ready{0};
  std::binary_semaphore done{0};
  std::thread other([&] {
    const greenlet elsewhere(&stand_elsewhere, {.name = "elsewhere"});
    elsewhere.switch_to();
    ready.release();
    done.acquire();
  });
  ready.acquire();

  const test::standing all;
  const greenlet current(&in_current, {.name = "current"});
  current.switch_to();

  bool well = current.dead();
  for (const greenlet* each : {&all.out, &all.in_place, &all.dedicated, &all.below, &all.partly}) {
    well = finish(*each) && well;
  }
  done.release();
  other.join();
  std::puts(well ? "all went on" : "not all went on");
}
