/// The contract between the core and a CPU. Every pair of files in arch/ fulfils it; nothing else
/// in the library knows a register. arch/README.md says how to add a CPU.
///
/// A file arch/CPU-ABI.S defines the three switches declared here, and the trampoline that a first
/// frame returns to. It calls the other functions, which the core defines. A file arch/CPU-ABI.hpp
/// defines
///
///     struct first_frame;                  // what a fresh stack holds, typed
///     constexpr uintptr_t stack_alignment; // of a stack_stop
///     uintptr_t lay_first_frame(uintptr_t stop, void* greenlet) noexcept;
///                                          // writes it right below stop, returns its sp
///     struct fp_environment;               // rounding mode and exception masks; the default state
///     void store(fp_environment&) noexcept;
///     void load(const fp_environment&) noexcept;
///     bool shadow_stack_active() noexcept; // the kernel would refuse a switch
#pragma once

#include <cstddef>
#include <cstdint>

namespace offshoot::detail {

/// What a switch reads and writes of a greenlet. The assembly knows these offsets.
struct context {
  /// The stack pointer at the last suspension, with all callee-saved registers on the stack: the
  /// greenlet's stack_start. Also written, with what it would have been, by a refused switch.
  std::uintptr_t sp = 0;
  /// A switch that leaves this greenlet is refused unless floor <= sp < floor + extent.
  std::uintptr_t floor = 0;
  std::uintptr_t extent = 0;
  /// Given by whoever suspended it, for offshoot_arrive; null: it will look for itself.
  void* slot = nullptr;

  /// After a switch without a slot: whether it was refused, and not made and come back from.
  bool refused() const noexcept { return slot != nullptr; }
};
static_assert(offsetof(context, sp) == 0);
static_assert(offsetof(context, floor) == sizeof(void*));
static_assert(offsetof(context, extent) == 2 * sizeof(void*));
static_assert(offsetof(context, slot) == 3 * sizeof(void*));

}  // namespace offshoot::detail

extern "C" {

/// Leaves `from` for `to`, whose bytes are in place. Keeps every callee-saved integer and
/// floating-point register but not the floating-point environment. `from` and `to` may be the same.
///
/// With a slot the caller is done when it has called this: it is meant to be the last thing that it
/// does, so that whoever switches back returns straight to its own caller, by way of
/// offshoot_arrive(slot) unless that was an offshoot_pass. If the switch is refused, having written
/// only from->sp, offshoot_refused(to, slot, from) is called in its place. Without a slot it
/// returns when somebody has switched back, or at once, with from->slot not null, if it was
/// refused.
void offshoot_switch(offshoot::detail::context* to, void* slot, offshoot::detail::context* from);

/// The same, with a slot and with nothing that `to` has to look at on arrival.
void offshoot_pass(offshoot::detail::context* to, void* slot, offshoot::detail::context* from);

/// offshoot_switch for a `to` whose bytes are not in place: calls offshoot_move(to, from) on the
/// transfer stack, whose top has the alignment of a stack_stop, after from->sp is stored and before
/// to->sp is read. If `arrivals` is 0, nothing comes with it that `to` has to look at.
void offshoot_switch_via(offshoot::detail::context* to, void* slot, offshoot::detail::context* from,
                         void* transfer_stack_top, unsigned arrivals);

/// Defined by the core: the two ways in which a switch with a slot ends, but for the shortest. May
/// throw, to the caller of whoever called the switch.
void offshoot_arrive(void* slot);
void offshoot_refused(offshoot::detail::context* to, void* slot, offshoot::detail::context* from);

/// Defined by the core: brings the bytes of `to` into place as `from`, whose registers are stored,
/// makes way. Runs on the transfer stack; cannot fail and allocates nothing.
void offshoot_move(offshoot::detail::context* to, offshoot::detail::context* from) noexcept;

/// Defined by the core: what the trampoline calls on a fresh stack, with the pointer that was given
/// to lay_first_frame. Never returns.
void offshoot_enter(void* greenlet) noexcept;
}
