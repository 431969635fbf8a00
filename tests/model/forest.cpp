/// The model test: random forests of greenlets, in lock-step with a plain model of them. The seed
/// is printed; `--seed=N` replays one, `--seeds=N` and `--steps=N` (of each) choose how much is
/// tried.
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include <doctest/doctest.h>

#include "core/control_block.hpp"
#include "core/slice.hpp"
#include "model/command_line.hpp"
#include "model/world.hpp"

namespace {

struct outcome {
  model::geometry_counts geometries;
  std::size_t steps = 0;
  std::size_t stacks_taken = 0;
  bool lanes_in_use = false;
};

/// A thread of its own for each seed: fresh lanes, as many as the seed says.
outcome try_seed(std::uint64_t seed, std::size_t steps) {
  outcome seen;
  std::thread([&] {
    static constexpr std::array lane_counts{1, 2, 3, 16};
    offshoot::set_lane_count(static_cast<std::size_t>(lane_counts[seed % lane_counts.size()]));
    const auto tried = std::make_unique<model::world>(seed, steps);
    tried->run();
    const auto& here = offshoot::detail::thread_state::get();
    seen = {tried->geometries(), tried->steps_taken(), here.pool.taken(), here.lanes.in_use()};
  }).join();
  return seen;
}

}  // namespace

TEST_CASE("S1-S36: a forest of greenlets does what the model says, and no frame changes") {
  const std::uint64_t first = model::number_given("seed", 1);
  const bool replayed = model::number_given("seed", 0) != 0;
  const std::uint64_t seeds = replayed ? 1 : model::number_given("seeds", 30);
  const std::size_t steps = model::number_given("steps", 50'000);
  const std::size_t blocks = offshoot::detail::control_blocks_alive();
  const std::size_t slices = offshoot::detail::slices_on_heap();

  model::geometry_counts geometries;
  std::size_t total = 0;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    CAPTURE(seed);
    const outcome seen = try_seed(seed, steps);
    geometries.add(seen.geometries);
    total += seen.steps;
    CHECK(seen.stacks_taken == 0);
    CHECK_FALSE(seen.lanes_in_use);
    CHECK(offshoot::detail::control_blocks_alive() == blocks);
    CHECK(offshoot::detail::slices_on_heap() == slices);
    CHECK(model::parcel::alive.load() == 0);
  }

  std::printf("model: %zu steps over seeds %llu to %llu\n", total,
              static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + seeds - 1));
  for (std::size_t i = 0; i < model::geometry_names.size(); ++i) {
    const std::size_t times = geometries[static_cast<model::geometry>(i)];
    std::printf("model: %-14s %zu\n", model::geometry_names[i], times);
    if (!replayed) CHECK_MESSAGE(times > 0, model::geometry_names[i] << " was never tried");
  }
}
