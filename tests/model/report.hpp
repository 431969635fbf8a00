/// What is known of a run of the model test while it goes on: in memory that survives the process
/// which makes it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <string>

#include "model/geometry.hpp"

namespace model {

inline constexpr unsigned most_threads = 3;

struct report {
  std::array<std::size_t, most_threads> steps{};
  std::array<geometry_counts, most_threads> geometries{};
  std::atomic<bool> failed{false};
  std::array<char, 300> how{};
  bool finished = false;

  /// The first failure is kept.
  void fail(const std::string& what) noexcept {
    if (!failed.exchange(true)) std::snprintf(how.data(), how.size(), "%s", what.c_str());
  }
};

}  // namespace model
