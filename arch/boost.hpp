/// Any CPU that Boost.Context knows: what boost.cpp does not do itself.
#pragma once

#include <cfenv>
#include <cstddef>
#include <cstdint>

#include <boost/context/detail/fcontext.hpp>
#include <ucontext.h>

#include "core/context.hpp"
#include "link_register.hpp"
#include "signature.hpp"
#include "unknown_access.hpp"

namespace offshoot::detail {

/// In boost.cpp: where the first jump to a greenlet leads.
void begin_by_jump(boost::context::detail::transfer_t came) noexcept;

/// Above whatever Boost lays there.
struct first_frame {
  std::uintptr_t above[2] = {0, 0};
};

inline constexpr std::uintptr_t stack_alignment = 16;

inline void lay_first_frame(std::uintptr_t stop, context& fresh) noexcept {
  constexpr std::size_t at_least = 4096;  // how large the stack is: Boost does not look at it
  const std::uintptr_t top = stop - sizeof(first_frame);
  *reinterpret_cast<first_frame*>(top) = first_frame{};
  fresh.sp = reinterpret_cast<std::uintptr_t>(boost::context::detail::make_fcontext(
      reinterpret_cast<void*>(top), at_least, &begin_by_jump));
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
}

/// Not known: no portable code can tell an unwinder where to begin. A trace ends after its first
/// frame, and has none if a signal is asked for where it was.
inline context registers_of(_Unwind_Context* frame) noexcept {
  context found;
  found.ip = _Unwind_GetIP(frame);
  found.sp = _Unwind_GetCFA(frame);
  return found;
}
inline interruption registers_of(const ucontext_t& /*interrupted*/) noexcept {
  return {};
}
/// Not known either, and not asked for one that stands nowhere.
inline bool in_switch(std::uintptr_t /*ip*/) noexcept {
  return false;
}

struct fp_environment {
  std::fenv_t all{};
};
inline void store(fp_environment& environment) noexcept {
  std::fegetenv(&environment.all);
}
inline void load(const fp_environment& environment) noexcept {
  std::fesetenv(&environment.all);
}

}  // namespace offshoot::detail
