/// Return addresses that carry a signature in their upper bits: PAC of aarch64, made from where the
/// frame lies and a key of the process. No other CPU has one.
#pragma once

#include <cstdint>

namespace offshoot::detail {

#if defined(__aarch64__)
inline constexpr bool addresses_may_be_signed = true;
#else
inline constexpr bool addresses_may_be_signed = false;
#endif

/// The address itself, which is the same if it has no signature.
inline std::uintptr_t without_signature(std::uintptr_t address) noexcept {
#if defined(__aarch64__)
  asm("mov x30, %0\n\t"
      "hint #7\n\t"  // xpaclri, which does nothing where the CPU has no PAC
      "mov %0, x30"
      : "+r"(address)
      :
      : "x30");
#endif
  return address;
}

inline bool is_signed(std::uintptr_t address) noexcept {
  return without_signature(address) != address;
}

}  // namespace offshoot::detail
