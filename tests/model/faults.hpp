/// Makes memory run out at a chosen moment, on the calling thread only. The program that links this
/// has its own operator new, mmap, madvise and mprotect, which forward what is not to fail.
#pragma once

#include <cstddef>

namespace faults {

/// From now on the n-th (from 0) allocation by operator new or mapping fails, once.
void arm(std::size_t n) noexcept;
/// No longer. Returns whether it has failed since it was armed.
bool disarm() noexcept;
/// The size of what last failed.
std::size_t failed_bytes() noexcept;

/// While one lives, the kernel installs no guard page as `refused` says.
enum class guards { refuse_madvise, refuse_all };
class without_guards {
 public:
  explicit without_guards(guards refused) noexcept;
  without_guards(const without_guards&) = delete;
  without_guards& operator=(const without_guards&) = delete;
  ~without_guards();
};

}  // namespace faults
