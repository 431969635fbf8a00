/// Words for who waits for what.
#pragma once

#include <string>

namespace offshoot::detail {

/// A line for each greenlet of this thread that waits in the hub, for some of them if there are
/// many. Each begins with a line break.
std::string who_waits_for_what();

}  // namespace offshoot::detail
