/// What the subjects share: how a benchmark is registered and what runs around it.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace bench {

// One for each subject, in the file of that name; each registers its benchmarks.
void add_pairs();
void add_copy();
void add_create();
void add_hand_over();
void add_many();
void add_bytes();
void add_timers();

using body = std::function<void(benchmark::State&)>;

/// If not 0, each benchmark runs this often instead of for a given time: to count instructions.
inline benchmark::IterationCount fixed_iterations = 0;

/// Whether what takes long or much memory is measured as well.
inline bool everything = false;

/// The names of all benchmarks in the order of their registration.
inline std::vector<std::string> registered;

/// `name` is its parts: the subject, what is measured, and how large or many if there are several.
inline benchmark::internal::Benchmark* add(std::initializer_list<std::string_view> parts,
                                           body run) {
  std::string name;
  for (const std::string_view part : parts) name.append(name.empty() ? "" : "/").append(part);
  registered.push_back(name);
  auto* made = benchmark::RegisterBenchmark(name.c_str(), std::move(run));
  if (fixed_iterations != 0) made->Iterations(fixed_iterations);
  return made;
}

/// The name under which a benchmark tells a number of bytes instead of nanoseconds.
inline constexpr const char* bytes_counter = "bytes";
/// Of how many switches one had to move somebody's bytes off a lane.
inline constexpr const char* evictions_counter = "evictions_per_switch";

/// What each of many has alive in a frame.
inline constexpr std::size_t live_bytes = 128;

/// Runs `work` in a thread of its own, whose lanes and pools are new.
template <class F>
void in_fresh_thread(F&& work) {
  std::thread(std::forward<F>(work)).join();
}

/// Calls `work` with N bytes alive in the frame around it.
template <std::size_t N, class F>
[[gnu::noinline]] void with_live_bytes(F&& work) {
  std::array<std::byte, N> live;
  live.fill(std::byte{0x5a});
  benchmark::DoNotOptimize(live.data());
  work();
  benchmark::DoNotOptimize(live.data());
}
template <std::size_t N, class F>
requires(N == 0) [[gnu::noinline]] void with_live_bytes(F&& work) {
  work();
}

}  // namespace bench
