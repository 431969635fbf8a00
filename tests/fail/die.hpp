/// For programs that must die: telling how, from the inside.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <signal.h>
#include <unistd.h>
#include <unwind.h>

#include "core/thread_state.hpp"

namespace test {

inline const offshoot::detail::region& current_region() {
  return *offshoot::detail::thread_state::here()->current->where;
}

/// Whether the unwinder finds `function` between here and the end of the stack, and whether that
/// end is the trampoline of a greenlet.
struct unwound {
  std::uintptr_t function;
  bool found = false;
  std::uintptr_t last = 0;
};
[[gnu::noinline]] inline unwound look_for(std::uintptr_t function) {
  unwound seen{function};
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* into) {
        auto& all = *static_cast<unwound*>(into);
        if (_Unwind_GetIP(context) == 0) return _URC_NO_REASON;
        all.last = _Unwind_GetRegionStart(context);
        all.found = all.found || all.last == all.function;
        return _URC_NO_REASON;
      },
      &seen);
  return seen;
}
/// The trampoline's unwind information begins some bytes before its label; the unwinder of 32-bit
/// ARM shows whom it calls, and not itself.
inline bool ends_at_trampoline(const unwound& seen) {
  const auto start = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  const auto entry =
      reinterpret_cast<std::uintptr_t>(&offshoot_enter) & ~std::uintptr_t{1};  // Thumb
  return start - seen.last <= 16 || seen.last == entry;
}

/// Has `handler` called on a fault, on a stack of its own.
inline void handle_faults(void (*handler)(int, siginfo_t*, void*)) {
  static char alternate_stack[64 * 1024];
  stack_t alternate{};
  alternate.ss_sp = alternate_stack;
  alternate.ss_size = sizeof alternate_stack;
  if (sigaltstack(&alternate, nullptr) != 0) std::exit(90);
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (sigaction(SIGSEGV, &action, nullptr) != 0) std::exit(91);
}

/// On a fault, says whether it hit the guard page of the current greenlet's stack, and lets the
/// fault happen again to die of it.
inline void tell_of_guard_hits() {
  handle_faults([](int, siginfo_t* info, void*) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    const std::uintptr_t low = current_region().low;
    const bool in_guard = address < low && address >= low - offshoot::detail::page_size();
    std::fputs(in_guard ? "the guard page was hit\n" : "something else was hit\n", stderr);
    signal(SIGSEGV, SIG_DFL);
  });
}

/// Recurses until the stack ends.
[[gnu::used, gnu::noinline]] inline int recurse(int depth) {
  static volatile int never = -1;
  if (depth == never) return 0;
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  const int below = recurse(depth + 1);
  return below + frame[0];
}

/// The run function of a greenlet that overflows.
inline int run_deep() {
  return recurse(0);
}

}  // namespace test
