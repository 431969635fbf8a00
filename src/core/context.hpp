/// The contract between the core and a CPU. Every pair of files in arch/ fulfils it; nothing else
/// in the library knows a register. arch/README.md says how to add a CPU.
///
/// A file arch/CPU-ABI.S defines offshoot_switch (offshoot/detail/switch.hpp), and the two places
/// declared here to which a switch may lead besides: neither is ever called. A file
/// arch/CPU-ABI.hpp defines
///
///     struct first_frame;                  // what a fresh stack holds, typed; empty if nothing
///     constexpr uintptr_t stack_alignment; // of a stack_stop
///     void lay_first_frame(uintptr_t stop, context&) noexcept;
///                                          // right below stop, and where to begin
///     struct fp_environment;               // rounding mode and exception masks; the default state
///     void store(fp_environment&) noexcept;
///     void load(const fp_environment&) noexcept;
///     const char* access_of_fault(const void* ucontext) noexcept;
///                                          // "read", "write", or "access" if it cannot tell
///     bool shadow_stack_active() noexcept; // the kernel would refuse a switch
///     context registers_of(_Unwind_Context*) noexcept;  // sp, ip and kept of a frame that is
///                                          // being unwound; ip lies behind an instruction of it
///     interruption registers_of(const ucontext_t&) noexcept;
///                                          // of one that a signal has interrupted
///     bool in_switch(uintptr_t ip) noexcept;
///                                          // whether ip, as these have it, is in the assembly
///                                          // that leaves one stack for another
///     constexpr ptrdiff_t return_slot;     // where the return address lies, from a frame's high
///                                          // end; 0 if no frame aligns its stack by keeping
///                                          // its caller's stack pointer in memory
#pragma once

#include <offshoot/detail/switch.hpp>

#include <cstddef>
#include <type_traits>

#include <unwind.h>

namespace offshoot::detail {

/// What a Frame takes of a stack: nothing if nothing is in it.
template <class Frame>
inline constexpr std::size_t frame_bytes = std::is_empty_v<Frame> ? 0 : sizeof(Frame);

/// Where a signal has struck. `link`: the register in which the last call has left its return
/// address, where calls do that; else 0. `target`: that in which an inline switch has whom it leads
/// to, by way of whom its caller is found; 0 where there is none.
struct interruption {
  context at;
  std::uintptr_t link = 0;
  std::uintptr_t target = 0;
};

}  // namespace offshoot::detail

extern "C" {

/// Where a fresh greenlet begins: calls offshoot_enter on its stack, and leaves as that says.
void offshoot_start();

/// Where a greenlet goes on whose bytes are not in place: on the transfer stack, calls
/// offshoot_move(to, from), and then goes on where that has left context::sp and ip.
void offshoot_fetch();

/// Has _Unwind_Backtrace(visit, with) believe that it was called from where `from` goes on, with
/// sp and `kept` as they are in `from`. The first frame that `visit` sees is offshoot_unwind's own.
void offshoot_unwind(const offshoot::detail::context* from, _Unwind_Trace_Fn visit, void* with);

/// Defined by the core: brings the bytes of `to` into place as `from`, which is suspended, makes
/// way. Runs on the transfer stack; cannot fail and allocates nothing.
void offshoot_move(offshoot::detail::context* to, offshoot::detail::context* from) noexcept;

/// A last switch: nothing of who leaves is stored.
struct offshoot_departure {
  offshoot::detail::context* to;
  /// Who leaves, with `passage::laden`. Null: with `passage::quiet`, and `to` is in place.
  offshoot::detail::context* from;
};

/// Defined by the core: what a fresh greenlet runs, which is current. It returns, and leaves its
/// last switch to offshoot_start, so that calls and returns stay paired: a processor that counts
/// them would mispredict every return of whoever goes on.
offshoot_departure offshoot_enter() noexcept;
}
