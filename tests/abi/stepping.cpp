/// The unwind information of the switch, at each of its instructions, in assembly and as it is
/// compiled into its callers: the processor's trap flag stops before every one of them, and there
/// an unwinder must find the caller, with its registers.
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <array>
#include <csignal>
#include <cstdint>
#include <set>

#include <doctest/doctest.h>
#include <ucontext.h>
#include <unwind.h>

#include "core/thread_state.hpp"
#include "support/fixture.hpp"

extern "C" {
unsigned call_with_patterns(void (*function)(void*), void* argument, std::uint64_t seed);
}

using offshoot::greenlet;
using offshoot::placement;

namespace {

constexpr std::array<std::uint64_t, 2> seeds{0x1111111111110000, 0x2222222222220000};

/// What the handler has seen, one entry for each instruction.
std::set<std::uintptr_t> stepped;
std::set<std::uintptr_t> on_the_transfer_stack;
std::set<std::uintptr_t> lost;

/// The assembly stands in one row, this first and the trampoline behind the last.
const auto first_switch = reinterpret_cast<std::uintptr_t>(&offshoot_switch);
const auto behind_switches = reinterpret_cast<std::uintptr_t>(&offshoot_start);

/// Walks up to call_with_patterns, and compares the registers that it had set at its call.
_Unwind_Reason_Code look_for_patterns(_Unwind_Context* frame, void* found) {
  const auto patterns = reinterpret_cast<std::uintptr_t>(&call_with_patterns);
  if (_Unwind_GetRegionStart(frame) != patterns) return _URC_NO_REASON;
  constexpr std::array dwarf_numbers{3, 6, 12, 13, 14, 15};  // psABI figure 3.36: rbx, rbp, r12-r15
  for (const std::uint64_t seed : seeds) {
    std::uint64_t expected = seed;
    bool all = true;
    for (const int number : dwarf_numbers) all &= _Unwind_GetGR(frame, number) == ++expected;
    if (all) *static_cast<bool*>(found) = true;
  }
  return _URC_END_OF_STACK;
}

void switch_stepping(void* raw);

void on_step(int /*signal*/, siginfo_t* /*info*/, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto at = static_cast<std::uintptr_t>(registers[REG_RIP]);
  const auto sp = static_cast<std::uintptr_t>(registers[REG_RSP]);
  const bool in_assembly = at >= first_switch && at < behind_switches;
  const auto caller = reinterpret_cast<void*>(&switch_stepping);
  if (!in_assembly && _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(at)) != caller) return;
  stepped.insert(at);
  bool found = false;
  _Unwind_Backtrace(&look_for_patterns, &found);
  if (found) return;
  const auto& transfer = offshoot::detail::thread_state::here()->transfer_stack;
  (sp > transfer.low() && sp <= transfer.high() ? on_the_transfer_stack : lost).insert(at);
}

/// The trap flag is set between these two; the kernel clears it in the handler.
[[gnu::noinline]] void begin_to_step() {
  asm volatile("pushfq; orl $0x100, (%%rsp); popfq" ::: "memory", "cc");
}
[[gnu::noinline]] void end_stepping() {
  asm volatile("pushfq; andl $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

struct partner {
  greenlet other;
  int payload;  ///< 0: none
};

[[gnu::noinline]] void switch_stepping(void* raw) {
  auto& with = *static_cast<partner*>(raw);
  begin_to_step();
  if (with.payload == 0) {
    with.other.switch_to();
  } else {
    with.other.switch_to(with.payload);
  }
  end_stepping();
}

/// Two greenlets switch to and fro, under the trap flag. Without a stack of their own they copy.
void step_through(placement where, int payload) {
  const greenlet& back = greenlet::main();
  partner with{greenlet{[&back, payload] {
                          partner home{back, payload};
                          for (;;) call_with_patterns(&switch_stepping, &home, seeds[1]);
                        },
                        {.where = where}},
               payload};
  call_with_patterns([](void* first) { static_cast<partner*>(first)->other.switch_to(); }, &with,
                     seeds[0]);
  end_stepping();  // the other one has left with the flag set
  for (int round = 0; round < 3; ++round) {
    call_with_patterns(&switch_stepping, &with, seeds[0]);
    end_stepping();
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S28: the unwind information is right at every instruction") {
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_sigaction = &on_step;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(sigaction(SIGTRAP, &action, &before) == 0);
  for (const auto where : test::placements) {
    for (const int payload : {0, 5}) step_through(where, payload);
  }
  sigaction(SIGTRAP, &before, nullptr);

  CHECK(lost.empty());
  for (const std::uintptr_t at : lost) {
    MESSAGE("lost at ", at, "; offshoot_switch is at ", first_switch);
  }
  const bool short_ways = offshoot::guarding() == offshoot::guard_mode::off;
  CHECK(stepped.size() > (short_ways ? 80 : 30));
  CHECK(on_the_transfer_stack.size() > 3);
  CHECK(on_the_transfer_stack.size() < 20);
}
