/// The unwind information of the switch, at each of its instructions, in assembly and as it is
/// compiled into its callers: the processor's trap flag stops before every one of them, and there
/// an unwinder must find the caller, with its registers.
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <set>

#include <alloca.h>
#include <doctest/doctest.h>
#include <ucontext.h>
#include <unwind.h>

#include "core/thread_state.hpp"
#include "support/fixture.hpp"

extern "C" {
unsigned call_with_patterns(void (*function)(void*), void* argument, std::uint64_t seed);
void switch_directly(void* four[4]);
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
void switch_in_a_frame_of_variable_size(void* raw);
void switch_with_nothing_to_keep(void*);
/// Those that are compiled with an inline switch.
constexpr std::array callers{&switch_stepping, &switch_in_a_frame_of_variable_size,
                             &switch_with_nothing_to_keep};

bool is_of_a_caller(std::uintptr_t at) {
  const void* const function = _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(at));
  return std::any_of(callers.begin(), callers.end(), [function](auto caller) {
    return function == reinterpret_cast<void*>(caller);
  });
}

void on_step(int /*signal*/, siginfo_t* /*info*/, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto at = static_cast<std::uintptr_t>(registers[REG_RIP]);
  const auto sp = static_cast<std::uintptr_t>(registers[REG_RSP]);
  const bool in_assembly = at >= first_switch && at < behind_switches;
  if (!in_assembly && !is_of_a_caller(at)) return;
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

/// Its frames are found by way of rbp, which must be that of whoever arrives.
[[gnu::noinline]] void switch_in_a_frame_of_variable_size(void* raw) {
  const auto& with = *static_cast<partner*>(raw);
  auto* const room =
      static_cast<volatile char*>(alloca(static_cast<std::size_t>(with.payload) + 1));
  room[0] = 1;
  begin_to_step();
  with.other.switch_to();
  end_stepping();
}

const greenlet* target = nullptr;

/// Saves neither rbp nor rbx, if the compiler finds no use for them.
[[gnu::noinline]] void switch_with_nothing_to_keep(void* /*raw*/) {
  begin_to_step();
  target->switch_to();
  end_stepping();
}

constexpr int rounds = 3;

std::array<void*, 4> four{};

/// No frame between here and the assembly saves a register.
[[gnu::noinline]] void switch_by_the_assembly_alone(void* /*raw*/) {
  begin_to_step();
  switch_directly(four.data());
  end_stepping();
}

void call(void (*caller)(void*), partner& with, std::uint64_t seed) {
  offshoot::detail::thread_state& here = *offshoot::detail::thread_state::here();
  offshoot::detail::control_block* const to = offshoot::detail::access::block(with.other);
  four = {&to->registers, &here.current->registers, &here.current, to};
  target = &with.other;
  call_with_patterns(caller, &with, seed);
}

/// Two greenlets switch to and fro, under the trap flag. Without a stack of their own they copy.
void step_through(void (*caller)(void*), placement where, int payload, void (*others)(void*)) {
  const greenlet& back = greenlet::main();
  partner with{greenlet{[others, &back, payload] {
                          partner home{back, payload};
                          for (int i = 0; i <= rounds; ++i) call(others, home, seeds[1]);
                        },
                        {.where = where}},
               payload};
  call_with_patterns([](void* first) { static_cast<partner*>(first)->other.switch_to(); }, &with,
                     seeds[0]);
  end_stepping();  // the other one has left with the flag set
  for (int round = 0; round < rounds; ++round) {
    call(caller, with, seeds[0]);
    end_stepping();
  }
  with.other.switch_to();
  end_stepping();
  CHECK(with.other.dead());
}

/// Lets the handler see each step of `work`.
template <class F>
void observed(const F& work) {
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_sigaction = &on_step;
  action.sa_flags = SA_SIGINFO;
  REQUIRE(sigaction(SIGTRAP, &action, &before) == 0);
  stepped.clear();
  on_the_transfer_stack.clear();
  lost.clear();
  work();
  sigaction(SIGTRAP, &before, nullptr);
  CHECK(lost.empty());
  for (const std::uintptr_t at : lost) {
    MESSAGE("lost at ", at, "; offshoot_switch is at ", first_switch);
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S28: the unwind information is right at every instruction") {
  observed([] {
    for (const auto where : test::placements) {
      for (const auto caller : callers) step_through(caller, where, 0, caller);
      step_through(&switch_stepping, where, 5, &switch_stepping);
    }
  });
  const bool short_ways = offshoot::guarding() == offshoot::guard_mode::off;
  CHECK(stepped.size() > (short_ways ? 80 : 30));
  CHECK(on_the_transfer_stack.size() > 3);
  CHECK(on_the_transfer_stack.size() < 30);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: and of offshoot_switch by itself") {
  const auto alone = &switch_by_the_assembly_alone;
  observed([alone] {
    step_through(alone, placement::dedicated, 0, alone);
    for (const auto others : callers) step_through(alone, placement::dedicated, 0, others);
  });
  CHECK(stepped.size() > 25);
}
