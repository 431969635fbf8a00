/// The unwind information of the switch, at each of its instructions, in assembly and as it is
/// compiled into its callers: the processor's trap flag stops before every one of them, and there
/// an unwinder must find the caller, with its registers.
#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/guard.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

#include <alloca.h>
#include <doctest/doctest.h>
#include <ucontext.h>
#include <unwind.h>

#include OFFSHOOT_ARCH_HEADER
#include "abi/patterns.hpp"
#include "core/thread_state.hpp"
#include "core/unwind.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;
using attempt = void (*)(void*, void*, std::uintptr_t);  ///< as call_with_patterns calls it

namespace {

constexpr std::array<std::uint64_t, 2> seeds{0x1111111111110000, 0x2222222222220000};

/// What the handler has seen, one entry for each instruction.
std::set<std::uintptr_t> stepped;
std::set<std::uintptr_t> on_the_transfer_stack;
std::set<std::uintptr_t> lost;
/// Said to be at rest, though in the assembly, where the trace of write_backtraces is lost, or on
/// the stack of another one than the current.
std::set<std::uintptr_t> restless;

/// The assembly stands in one row, this first and the trampoline behind the last.
const auto first_switch = reinterpret_cast<std::uintptr_t>(&offshoot_switch);
const auto behind_switches = reinterpret_cast<std::uintptr_t>(&offshoot_start);

constexpr std::size_t nobody = seeds.size();

/// Walks up to call_with_patterns, and compares the registers that it had set at its call. Says by
/// whose seed.
_Unwind_Reason_Code look_for_patterns(_Unwind_Context* frame, void* whose) {
  const auto patterns = reinterpret_cast<std::uintptr_t>(&call_with_patterns);
  if (_Unwind_GetRegionStart(frame) != patterns) return _URC_NO_REASON;
  constexpr std::array dwarf_numbers{3, 6, 12, 13, 14, 15};  // psABI figure 3.36: rbx, rbp, r12-r15
  for (std::size_t each = 0; each < seeds.size(); ++each) {
    std::uint64_t expected = seeds[each];
    bool all = true;
    for (const int number : dwarf_numbers) all &= _Unwind_GetGR(frame, number) == ++expected;
    if (all) *static_cast<std::size_t*>(whose) = each;
  }
  return _URC_END_OF_STACK;
}

bool shows_caller(const ucontext_t& context) {
  using namespace offshoot::detail;
  std::array<std::uintptr_t, 64> addresses;
  const std::size_t count = unwind(registers_of(context), addresses.data(), addresses.size());
  return std::any_of(addresses.data(), addresses.data() + count, [](std::uintptr_t address) {
    return _Unwind_FindEnclosingFunction(reinterpret_cast<void*>(address + 1)) ==
           reinterpret_cast<void*>(&call_with_patterns);
  });
}

void switch_stepping(void* raw, void*, std::uintptr_t);
void switch_in_a_frame_of_variable_size(void* raw, void*, std::uintptr_t);
void switch_with_nothing_to_keep(void*, void*, std::uintptr_t);
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
  std::size_t whose = nobody;
  _Unwind_Backtrace(&look_for_patterns, &whose);
  const auto& thread = *offshoot::detail::thread_state::here();
  const std::size_t current = thread.current == thread.main ? 0 : 1;
  if (offshoot::detail::at_rest(context) &&
      (in_assembly || whose != current || !shows_caller(*static_cast<ucontext_t*>(context)))) {
    restless.insert(at);
  }
  if (whose != nobody) return;
  const auto& transfer = thread.transfer_stack;
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

[[gnu::noinline]] void switch_stepping(void* raw, void* /*second*/, std::uintptr_t /*zero*/) {
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
[[gnu::noinline]] void switch_in_a_frame_of_variable_size(void* raw, void* /*second*/,
                                                          std::uintptr_t /*zero*/) {
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
[[gnu::noinline]] void switch_with_nothing_to_keep(void* /*raw*/, void* /*second*/,
                                                   std::uintptr_t /*zero*/) {
  begin_to_step();
  target->switch_to();
  end_stepping();
}

constexpr int rounds = 3;

/// No frame between here and the assembly saves a register.
[[gnu::noinline]] void switch_by_the_assembly_alone(void* to, void* from, std::uintptr_t /*zero*/) {
  using namespace offshoot::detail;
  begin_to_step();
  offshoot_switch(static_cast<context*>(to), static_cast<context*>(from), passage::quiet);
  end_stepping();
}

void call(attempt caller, partner& with, std::uint64_t seed) {
  target = &with.other;
  if (caller != &switch_by_the_assembly_alone) {
    call_with_patterns(caller, &with, nullptr, seed);
    return;
  }
  using namespace offshoot::detail;
  control_block* const to = access::block(with.other);
  control_block* const from = std::exchange(thread_state::here()->current, to);
  call_with_patterns(caller, &to->registers, &from->registers, seed);
}

/// Two greenlets switch to and fro, under the trap flag. Without a stack of their own they copy.
void step_through(attempt caller, placement where, int payload, attempt others) {
  const greenlet& back = greenlet::main();
  partner with{greenlet{[others, &back, payload] {
                          partner home{back, payload};
                          for (int i = 0; i <= rounds; ++i) call(others, home, seeds[1]);
                        },
                        {.where = where}},
               payload};
  call_with_patterns(
      [](void* first, void*, std::uintptr_t) { static_cast<partner*>(first)->other.switch_to(); },
      &with, nullptr, seeds[0]);
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
  restless.clear();
  work();
  sigaction(SIGTRAP, &before, nullptr);
  CHECK(lost.empty());
  CHECK(restless.empty());
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

TEST_CASE_FIXTURE(test::nothing_leaks, "S28: a fresh frame's chain of frame pointers ends") {
  // The unwinder that profilers use follows rbp: it must find a zero, not somebody's frame.
  alignas(16) static std::byte memory[256];
  offshoot::detail::context fresh;
  fresh.kept[0] = 1;
  offshoot::detail::lay_first_frame(reinterpret_cast<std::uintptr_t>(memory) + sizeof memory,
                                    fresh);
  CHECK(fresh.kept[0] == 0);
}
