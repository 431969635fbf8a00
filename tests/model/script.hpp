/// A run of the model test as data: what threads there are, and the decisions that their greenlets
/// take. What is odd: a decision is a random word from which whoever runs then derives all that it
/// does, so that any part of a list of decisions is a run too. That is what makes a failing run
/// shrink.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/dice.hpp"

namespace model {

struct decision {
  std::uint64_t word;
  unsigned thread;
};

struct script {
  std::uint64_t seed = 0;
  unsigned threads = 1;
  std::size_t lanes = 1;
  std::vector<decision> decisions;
  /// For the test of the minimiser: the model has one rule wrong.
  bool planted = false;

  std::vector<std::uint64_t> of_thread(unsigned which) const {
    std::vector<std::uint64_t> words;
    for (const decision& each : decisions) {
      if (each.thread == which) words.push_back(each.word);
    }
    return words;
  }
};

inline script script_of(std::uint64_t seed, std::size_t steps) {
  static constexpr std::array<std::size_t, 4> lane_counts{1, 2, 3, 16};
  script made;
  made.seed = seed;
  made.threads = seed % 5 == 0 ? 3 : 1;
  made.lanes = lane_counts[seed % lane_counts.size()];
  dice thrown(seed);
  made.decisions.reserve(steps);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::uint64_t word = thrown.next();
    made.decisions.push_back({word, static_cast<unsigned>(thrown.below(made.threads))});
  }
  return made;
}

}  // namespace model
