/// Where the machine context of a fault does not tell whether it was a read or a write, or not on
/// every kernel.
#pragma once

namespace offshoot::detail {

inline const char* access_of_fault(const void* /*machine_context*/) noexcept {
  return "access";
}

}  // namespace offshoot::detail
