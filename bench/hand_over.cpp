/// What the look at payloads and captures costs: a switch with a payload, and making a greenlet,
/// each as a lane greenlet does it, which is looked at, and a dedicated one, which may lend. A
/// payload that cannot hold an address, such as an int, must cost the same in both.
#include <offshoot/greenlet.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "harness.hpp"

namespace bench {
namespace {

using offshoot::greenlet;
using offshoot::placement;
using offshoot::value;

struct message {
  const int* number;
  std::string_view text;
};
static_assert(sizeof(message) == 24);

const int somewhere = 0;

/// Runs `work` in a greenlet, as the giver.
template <class F>
void as_giver(placement where, F work) {
  const greenlet giver([&work] { work(); }, offshoot::options{.where = where});
  giver.switch_to();
}

/// Two switches to and fro: there with the payload, back without.
template <class T>
void give(benchmark::State& state, placement where, const T& payload) {
  as_giver(where, [&state, payload] {
    const greenlet taker([giver = greenlet::current()] {
      for (;;) giver.switch_to();
    });
    taker.switch_to();
    for (auto _ : state) taker.switch_to(payload);
  });
}

/// The same without a payload.
void give_nothing(benchmark::State& state, placement where) {
  as_giver(where, [&state] {
    const greenlet taker([giver = greenlet::current()] {
      for (;;) giver.switch_to();
    });
    taker.switch_to();
    for (auto _ : state) taker.switch_to();
  });
}

template <class F>
void make(benchmark::State& state, placement where, const F& run) {
  as_giver(where, [&state, run] {
    for (auto _ : state) {
      const greenlet made(run);
      benchmark::DoNotOptimize(made);
    }
  });
}

}  // namespace

void add_hand_over() {
  const std::array givers{std::pair("looked_at", placement::lane),
                          std::pair("may_lend", placement::dedicated)};
  for (const auto& [name, where] : givers) {
    const placement there = where;
    add({"hand_over", "nothing", name}, [there](auto& state) { give_nothing(state, there); });
    add({"hand_over", "int", name}, [there](auto& state) { give(state, there, 1); });
    add({"hand_over", "pointer", name}, [there](auto& state) { give(state, there, &somewhere); });
    add({"hand_over", "24_bytes", name}, [there](auto& state) {
      give(state, there, message{&somewhere, "text"});
    });
    add({"hand_over", "make_capturing_int", name},
        [there](auto& state) { make(state, there, [number = 1] { return number; }); });
    add({"hand_over", "make_capturing_48_bytes", name}, [there](auto& state) {
      const message each{&somewhere, "text"};
      make(state, there, [each, other = each] { return each.text.size() + other.text.size(); });
    });
  }
}

}  // namespace bench
