/// One run of the model test, in a process of its own: whatever becomes of it, its parent can tell.
#pragma once

#include <cstddef>
#include <string>

#include "model/geometry.hpp"
#include "model/script.hpp"

namespace model {

struct verdict {
  bool failed = false;
  std::string how;        ///< what failed, or which signal ended it
  std::size_t steps = 0;  ///< decisions taken
  geometry_counts geometries;
};

/// `descriptor`: where to write down what is done, or -1. The caller must not have other threads.
/// `seconds`: more than that is a failure.
verdict try_script(const script& told, unsigned seconds, int descriptor = -1);

/// A shorter script that fails too, made of parts of `failing`; gives up after `seconds`.
script shorten(const script& failing, unsigned seconds);

/// A script that fails, as a C++ program that shows how.
std::string program_of(const script& failing, const std::string& how);

}  // namespace model
