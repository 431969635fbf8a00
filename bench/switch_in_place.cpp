/// One way of a switch to and fro between two that are both in place. All are made from one call
/// site, which flatters the return predictor: figures for switches made at depth are higher.
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <ucontext.h>

#include "harness.hpp"

namespace bench {
namespace {

namespace context = boost::context;
using offshoot::greenlet;
using offshoot::placement;

constexpr std::size_t stack_bytes = std::size_t{64} << 10;
/// Round trips between two looks at the clock's counter, so that the look weighs nothing.
constexpr int round_trips = 32;

/// Times `round_trip`, which is two switches.
template <class F>
void time_switches(benchmark::State& state, F&& round_trip) {
  while (state.KeepRunningBatch(2 * round_trips)) {
    for (int i = 0; i < round_trips; ++i) round_trip();
  }
}

[[gnu::noinline]] void callee() {
  asm volatile("");
}

void call(benchmark::State& state) {
  time_switches(state, [] {
    callee();
    callee();
  });
}

void boost_jump(benchmark::State& state) {
  const auto stack = std::make_unique<std::byte[]>(stack_bytes);
  context::detail::transfer_t other{
      context::detail::make_fcontext(stack.get() + stack_bytes, stack_bytes,
                                     [](context::detail::transfer_t back) {
                                       for (;;)
                                         back = context::detail::jump_fcontext(back.fctx, nullptr);
                                     }),
      nullptr};
  time_switches(state, [&] { other = context::detail::jump_fcontext(other.fctx, nullptr); });
}

void boost_fiber(benchmark::State& state) {
  context::fiber other(std::allocator_arg, context::fixedsize_stack(stack_bytes),
                       [](context::fiber&& back) {
                         for (;;) back = std::move(back).resume();
                         return std::move(back);
                       });
  time_switches(state, [&] { other = std::move(other).resume(); });
}

ucontext_t main_ucontext;
ucontext_t other_ucontext;

void swap_context(benchmark::State& state) {
  const auto stack = std::make_unique<std::byte[]>(stack_bytes);
  getcontext(&other_ucontext);
  other_ucontext.uc_stack.ss_sp = stack.get();
  other_ucontext.uc_stack.ss_size = stack_bytes;
  const auto run = [] {
    for (;;) swapcontext(&other_ucontext, &main_ucontext);
  };
  makecontext(&other_ucontext, run, 0);
  time_switches(state, [] { swapcontext(&main_ucontext, &other_ucontext); });
}

/// A greenlet that switches to `target` again and again, until its last handle goes.
greenlet returning(const greenlet& target, placement where) {
  return greenlet(
      [target] {
        for (;;) target.switch_to();
      },
      offshoot::options{.where = where});
}

void ours(benchmark::State& state, placement where) {
  const greenlet other = returning(greenlet::main(), where);
  time_switches(state, [&] { other.switch_to(); });
}

/// Two nested greenlets on one stack, or one and the stack's owner, are never both in place; one on
/// another greenlet's stack and the main one are.
void ours_nested(benchmark::State& state) {
  greenlet nested;
  const greenlet host(
      [&nested] {
        nested = returning(greenlet::main(), placement::nested);
        nested.switch_to();
      },
      offshoot::options{.where = placement::dedicated});
  host.switch_to();
  time_switches(state, [&] { nested.switch_to(); });
  nested.reset();
}

}  // namespace

void add_switch_in_place() {
  add({"switch_in_place", "call"}, call);
  add({"switch_in_place", "boost_jump"}, boost_jump);
  add({"switch_in_place", "boost_fiber"}, boost_fiber);
  add({"switch_in_place", "swapcontext"}, swap_context);
  add({"switch_in_place", "lane"}, [](auto& state) { ours(state, placement::lane); });
  add({"switch_in_place", "dedicated"}, [](auto& state) { ours(state, placement::dedicated); });
  add({"switch_in_place", "nested"}, ours_nested);
}

}  // namespace bench
