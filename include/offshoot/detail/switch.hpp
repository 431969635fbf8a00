/// The switch as it is compiled into whoever calls it: a few words decide whether there is nothing
/// to look at, and then only registers change hands. All else goes the slow way, into the library.
#pragma once

#include <offshoot/detail/heads.hpp>
#include <offshoot/export.hpp>
#include <offshoot/value.hpp>

extern "C" {
/// Leaves `from` for `to`; returns when somebody has switched back. Keeps every callee-saved
/// integer and floating-point register, but not the floating-point environment. `from` and `to` may
/// be the same. `with` is what `to`'s switch returns. If refused, from->sp tells what the stack
/// pointer would have been.
OFFSHOOT_API offshoot::detail::passage offshoot_switch(offshoot::detail::context* to,
                                                       offshoot::detail::context* from,
                                                       offshoot::detail::passage with);
}

#if defined(__x86_64__) && defined(__LP64__) && !defined(OFFSHOOT_NO_INLINE_SWITCH)
#include <offshoot/detail/switch_x86_64.hpp>
#else
namespace offshoot::detail {
/// Makes `to` current and leaves for it, who gets `With`.
template <passage With>
inline passage leave_for(thread_head& here, control_block*& to) noexcept {
  control_block* const from = here.current;
  here.current = to;
  const passage came = offshoot_switch(&head_of(to).registers, &head_of(from).registers, With);
  if (came == passage::refused) here.current = from;
  return came;
}
}  // namespace offshoot::detail
#endif

namespace offshoot::detail {

/// What an inline switch leaves to the library: a switch that is to be made with care (`refused`),
/// or what has come with whoever switched back (`laden`).
OFFSHOOT_API value attend(control_block* target, passage came);

/// At the end of a function it keeps the last call from becoming a jump. A function that calls is
/// no leaf, and only a leaf's frame may lie below the stack pointer (the red zone of psABI 3.2.2),
/// where no switch would save it.
struct no_leaf {
  __attribute__((always_inline)) ~no_leaf() { asm volatile(""); }
};

/// Switches with an empty payload by registers alone, if that is all there is to it.
__attribute__((always_inline)) inline passage pass_quietly(control_block*& target) noexcept {
  thread_head* const here = this_thread;
  passage came = passage::refused;
  if (may_pass(here, target)) [[likely]]
    came = leave_for<passage::quiet>(*here, target);
  return came;
}

/// Switches with an empty payload, which most have.
__attribute__((always_inline)) inline value switch_empty(control_block* target) {
  const passage came = pass_quietly(target);
  if (came == passage::quiet) [[likely]]
    return value();
  const no_leaf here_too;
  return attend(target, came);
}

/// The same for one who has no use for what comes back: its frame has no room for a payload.
OFFSHOOT_API void attend_only(control_block* target, passage came);
__attribute__((always_inline)) inline void switch_only(control_block* target) {
  const passage came = pass_quietly(target);
  if (came == passage::quiet) [[likely]]
    return;
  const no_leaf here_too;
  attend_only(target, came);
}

}  // namespace offshoot::detail
