/// Greenlets that stand in functions of known names, in each way in which their bytes can lie: for
/// whatever shows stacks. The functions are for one translation unit, and in C so that names are
/// plain.
#pragma once

#include <offshoot/greenlet.hpp>

#include <array>

namespace test {

/// At the end of a function: its last call stays a call.
inline void keep_frame() noexcept {
  asm volatile("" ::: "memory");
}

}  // namespace test

extern "C" {

[[gnu::used, gnu::noinline]] inline void stand() {
  offshoot::greenlet::current().parent().switch_to();
  test::keep_frame();
}
[[gnu::used, gnu::noinline]] inline void stand_out() {
  stand();
  test::keep_frame();
}
[[gnu::used, gnu::noinline]] inline void stand_in_place() {
  stand();
  test::keep_frame();
}
[[gnu::used, gnu::noinline]] inline void stand_dedicated() {
  stand();
  test::keep_frame();
}
/// Twice, so that it comes to stand over others' bytes.
[[gnu::used, gnu::noinline]] inline void stand_below() {
  stand();
  stand();
  test::keep_frame();
}
/// With a frame that is aligned more than the ABI asks for.
[[gnu::used, gnu::noinline]] inline void stand_aligned(int depth) {
  alignas(64) char room[512];
  asm volatile("" : : "r"(room) : "memory");
  if (depth > 0) {
    stand_aligned(depth - 1);
  } else {
    stand();
  }
  asm volatile("" : : "r"(room) : "memory");
}
/// Starts `below` right below its frames, and then stands where that was.
[[gnu::used, gnu::noinline]] inline void stand_partly(offshoot::greenlet* below) {
  *below =
      offshoot::greenlet(&stand_below, {.where = offshoot::placement::nested, .name = "below"});
  below->switch_to();
  stand_aligned(3);
  test::keep_frame();
}

}  // extern "C"

namespace test {

/// To be made where greenlets may keep addresses of locals: on a thread's own stack.
struct standing {
  offshoot::greenlet out{&stand_out, {.name = "out"}};
  std::array<offshoot::greenlet, 15> fill;  ///< all lanes but that of `out`
  offshoot::greenlet in_place{&stand_in_place, {.name = "in place"}};
  offshoot::greenlet dedicated{&stand_dedicated,
                               {.where = offshoot::placement::dedicated, .name = "dedicated"}};
  offshoot::greenlet below;
  offshoot::greenlet partly{[this] { stand_partly(&below); },
                            {.where = offshoot::placement::dedicated, .name = "partly"}};

  /// Outside guarded mode `out` is in its slice, since `in_place` is on its lane; and of `partly`
  /// the frames that were in the way of `below` are, but not those above.
  standing() {
    out.switch_to();
    for (offshoot::greenlet& each : fill) {
      each = offshoot::greenlet(&stand, {.name = "fill"});
      each.switch_to();
    }
    in_place.switch_to();
    dedicated.switch_to();
    partly.switch_to();
    below.set_parent(offshoot::greenlet::main());
    below.switch_to();
  }
};

}  // namespace test
