/// A switch between two greenlets on the same addresses: each moves one's bytes out and the other's
/// in. The plain baseline is two memcpys of the live bytes.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "harness.hpp"

namespace bench {
namespace {

using offshoot::greenlet;
using offshoot::placement;

/// Round trips between two looks at the state, so that the look weighs nothing.
constexpr int round_trips = 16;

/// Three places as a stack and two slices are: at one distance from a page's beginning each, since
/// a load waits for an earlier store to the same place of another page.
template <std::size_t N>
struct places {
  alignas(4096) std::byte stack[N];
  alignas(64) std::byte gap[64 * 5];
  alignas(64) std::byte first[N];
  alignas(64) std::byte other_gap[64 * 5];
  alignas(64) std::byte second[N];
};

template <std::size_t N>
void two_memcpys(benchmark::State& state) {
  static places<N> all;
  // The size is not known where greenlets are copied, nor is it here.
  std::size_t bytes = N;
  benchmark::DoNotOptimize(bytes);
  std::byte* out = all.first;
  std::byte* in = all.second;
  for (auto _ : state) {
    std::memcpy(out, all.stack, bytes);
    benchmark::ClobberMemory();
    std::memcpy(all.stack, in, bytes);
    benchmark::ClobberMemory();
    std::swap(out, in);
  }
}

/// Both run right below the caller's frame, or at the top of the only lane. Each switches from the
/// frame that has the bytes, and above that is no more than what leads to it.
template <std::size_t N>
void two_on_the_same_addresses(benchmark::State& state, placement where) {
  const offshoot::options chosen{.where = where};
  const greenlet& back = greenlet::main();
  bool timing = true;
  greenlet first;
  greenlet second;
  first = greenlet(
      [&] {
        with_live_bytes<N>([&] {
          back.switch_to();
          while (state.KeepRunningBatch(2 * round_trips)) {
            for (int i = 0; i < round_trips; ++i) second.switch_to();
          }
        });
        timing = false;
      },
      chosen);
  second = greenlet(
      [&] {
        with_live_bytes<N>([&] {
          back.switch_to();
          while (timing) first.switch_to();
        });
      },
      chosen);
  for (const greenlet* each : {&first, &second}) each->switch_to();  // from one depth
  first.switch_to();
  second.switch_to();
}

template <std::size_t N>
void add_size() {
  const std::string bytes = std::to_string(N);
  if constexpr (N != 0) add({"copy", "two_memcpys", bytes}, two_memcpys<N>);
  add({"copy", "lane", bytes}, [](auto& state) {
    in_fresh_thread([&] {
      offshoot::set_lane_count(1);
      two_on_the_same_addresses<N>(state, placement::lane);
    });
  });
  add({"copy", "nested", bytes}, [](auto& state) {
    in_fresh_thread([&] { two_on_the_same_addresses<N>(state, placement::nested); });
  });
}

}  // namespace

void add_copy() {
  add_size<0>();
  add_size<64>();
  add_size<256>();
  add_size<1024>();
  add_size<4096>();
  add_size<16384>();
  add_size<65536>();
}

}  // namespace bench
