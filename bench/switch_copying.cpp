/// A switch between two greenlets on the same addresses: each moves one's bytes out and the other's
/// in. The plain baseline is two memcpys of the live bytes.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "harness.hpp"

namespace bench {
namespace {

using offshoot::greenlet;
using offshoot::placement;

template <std::size_t N>
void two_memcpys(benchmark::State& state) {
  alignas(64) static std::array<std::byte, N> stack{};
  alignas(64) static std::array<std::byte, N> out{};
  alignas(64) static std::array<std::byte, N> in{};
  // The size is not known where greenlets are copied, nor is it here.
  std::size_t bytes = N;
  benchmark::DoNotOptimize(bytes);
  for (auto _ : state) {
    std::memcpy(out.data(), stack.data(), bytes);
    benchmark::ClobberMemory();
    std::memcpy(stack.data(), in.data(), bytes);
    benchmark::ClobberMemory();
  }
}

/// Both run right below the caller's frame, or at the top of the only lane.
template <std::size_t N>
void two_on_the_same_addresses(benchmark::State& state, placement where) {
  const offshoot::options chosen{.where = where};
  bool timing = true;
  greenlet first;
  greenlet second;
  first = greenlet(
      [&] {
        greenlet::current().parent().switch_to();
        with_live_bytes<N>([&] {
          while (state.KeepRunningBatch(2)) second.switch_to();
        });
        timing = false;
      },
      chosen);
  second = greenlet(
      [&] {
        greenlet::current().parent().switch_to();
        with_live_bytes<N>([&] {
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
  if constexpr (N != 0) add({"switch_copying", "two_memcpys", bytes}, two_memcpys<N>);
  add({"switch_copying", "lane", bytes}, [](auto& state) {
    in_fresh_thread([&] {
      offshoot::set_lane_count(1);
      two_on_the_same_addresses<N>(state, placement::lane);
    });
  });
  add({"switch_copying", "nested", bytes}, [](auto& state) {
    in_fresh_thread([&] { two_on_the_same_addresses<N>(state, placement::nested); });
  });
}

}  // namespace

void add_switch_copying() {
  add_size<0>();
  add_size<256>();
  add_size<1024>();
  add_size<4096>();
  add_size<16384>();
}

}  // namespace bench
