/// A recorded run of the model test as a C++ program of its own, which needs the public headers
/// only: who does what, what the model says comes of it, and a check that it does.
#pragma once

#include <string>
#include <vector>

#include "model/script.hpp"

namespace model {

/// `lines` as model/record.hpp describes them; `how` the run failed. The program ends with status 1
/// and a message where the library does something else than the model says, with 0 if it does not.
/// The frames are of the same sizes, but what the compiler makes around them is not, so a failure
/// that depends on exact addresses may need a replay of the seed.
std::string to_program(const std::vector<std::string>& lines, const script& told,
                       const std::string& how);

}  // namespace model
