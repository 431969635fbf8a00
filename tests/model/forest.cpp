/// The model test: random forests of greenlets on one thread or three, in lock-step with a plain
/// model of them. `--seed=N` replays one seed, `--seeds=N` and `--steps=N` (of each) choose how
/// much is tried, `--seconds=N` for how long. A seed that fails is shrunk for `--shrink=SECONDS`,
/// and printed as a program.
#include <offshoot/guard.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include <doctest/doctest.h>

#include "model/command_line.hpp"
#include "model/trial.hpp"

namespace {

void report_failure(const model::script& failing, const std::string& how) {
  const auto seconds = static_cast<unsigned>(model::number_given("shrink", 60));
  std::printf("model: seed %llu: %s\n", static_cast<unsigned long long>(failing.seed), how.c_str());
  if (seconds == 0) return;
  std::puts("model: shrinking...");
  const model::script shorter = model::shorten(failing, seconds);
  const std::string now = model::try_script(shorter, 60).how;
  std::printf("model: %zu steps fail too. As a program:\n\n%s\n", shorter.decisions.size(),
              model::program_of(shorter, now).c_str());
}

}  // namespace

TEST_CASE("S1-S36: a forest of greenlets does what the model says, and no frame changes") {
  using clock = std::chrono::steady_clock;
  // Seconds for one seed, under whatever slows it down.
  const auto patience = static_cast<unsigned>(model::number_given("patience", 250));
  const std::uint64_t first = model::number_given("seed", 1);
  const bool replayed = model::number_given("seed", 0) != 0;
  const std::uint64_t seconds = model::number_given("seconds", 0);
  const std::uint64_t seeds =
      replayed ? 1 : model::number_given("seeds", seconds != 0 ? UINT32_MAX : 30);
  const auto steps = static_cast<std::size_t>(model::number_given("steps", 40'000));
  const auto end = clock::now() + std::chrono::seconds(seconds);

  model::geometry_counts geometries;
  std::size_t total = 0;
  std::uint64_t seed = first;
  for (; seed < first + seeds && (seconds == 0 || clock::now() < end); ++seed) {
    const model::script told = model::script_of(seed, steps);
    const model::verdict given = model::try_script(told, patience);
    geometries.add(given.geometries);
    total += given.steps;
    if (given.failed) report_failure(told, given.how);
    REQUIRE_MESSAGE(!given.failed, "seed " << seed << ": " << given.how << "; replay with --seed="
                                           << seed << " --steps=" << steps);
  }

  std::printf("model: %zu steps over seeds %llu to %llu\n", total,
              static_cast<unsigned long long>(first), static_cast<unsigned long long>(seed - 1));
  // In guarded mode nobody is ever in another's way.
  const bool all_expected = !replayed && offshoot::guarding() == offshoot::guard_mode::off;
  for (std::size_t i = 0; i < model::geometry_names.size(); ++i) {
    const std::size_t times = geometries[static_cast<model::geometry>(i)];
    std::printf("model: %-14s %zu\n", model::geometry_names[i], times);
    if (all_expected) CHECK_MESSAGE(times > 0, model::geometry_names[i] << " was never tried");
  }
}
