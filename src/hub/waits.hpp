/// Words for who waits for what. Those for a raw_text may be put together in a signal handler.
#pragma once

#include <offshoot/detail/raw_text.hpp>

#include <cstdint>
#include <string>

#include "hub/record.hpp"

namespace offshoot::detail {

/// Finds active greenlets of this thread by their ids. Asked for the same one again, it need not
/// search: most who wait for a mutex wait for the same one.
class holder_search {
 public:
  /// Null if that one has ended.
  const control_block* find(std::uint64_t id) noexcept;

 private:
  std::uint64_t last_ = 0;
  const control_block* found_ = nullptr;
};

/// "waits for an event", of a record whose greenlet is parked.
void append_wait(raw_text& out, const record& waiting, holder_search& holders) noexcept;

/// A line for each greenlet of this thread that waits in the hub, for some of them if there are
/// many. Each begins with a line break.
std::string who_waits_for_what();

}  // namespace offshoot::detail
