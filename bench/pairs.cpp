/// One way of a switch to and fro between two that are both in place, in four patterns. *same*:
/// both switch at one call site; *diff*: each at its own. *deep*: five calls down, which return
/// after it, through the same code on both sides; *deepX*: through code of one's own. The first two
/// flatter whoever spoils the processor's prediction of returns.
#include <offshoot/coroutine.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <ucontext.h>

#include "floor.hpp"
#include "harness.hpp"

namespace bench {
namespace {

namespace context = boost::context;
using offshoot::greenlet;
using offshoot::placement;

template <bool OneCode, int Depth>
struct pattern {
  static constexpr bool one_code = OneCode;
  static constexpr int depth = Depth;
};
using same = pattern<true, 0>;
using diff = pattern<false, 0>;
using deep = pattern<true, 5>;
using deep_x = pattern<false, 5>;

// What one side does is compiled in, or it would be a call deeper for some and not for others.

/// Switches under Depth calls. What says nothing but which copy this is keeps compilers from using
/// one for both; what stands behind the call, from making it a jump.
template <int Copy, int Depth, class Side>
[[gnu::noinline]] void descend(Side& side) {
  asm volatile("" : : "i"(Copy), "i"(Depth));
  if constexpr (Depth > 1) {
    descend<Copy, Depth - 1>(side);
  } else {
    side();
  }
  asm volatile("");
}

template <int Copy, int Depth, class Side>
void switch_once(Side& side) {
  if constexpr (Depth != 0) {
    descend<Copy, Depth>(side);
  } else {
    side();
  }
}

/// `times` is not to be a constant, or each value might get a copy of its own.
template <int Depth, class Side>
[[gnu::noinline]] void keep_switching(Side& side, std::size_t times) {
  while (times-- != 0) switch_once<0, Depth>(side);
}

/// Switches between two looks at the state, so that the look weighs nothing.
constexpr std::size_t batch = 128;

template <class P, class Side>
void time_switches(benchmark::State& state, Side& side, std::size_t switches_a_time = 2) {
  std::size_t times = batch / switches_a_time;
  benchmark::DoNotOptimize(times);
  while (state.KeepRunningBatch(batch)) keep_switching<P::depth>(side, times);
}
/// Where the code is one's own, the loop has no condition: a processor may take two counted loops
/// that are alike for one, and mispredict jumps from one to the other (Zen 3 does so to Boost's).
template <class P, class Side>
void answer_for_ever(Side& side) {
  if constexpr (P::one_code) {
    std::size_t times = SIZE_MAX;
    benchmark::DoNotOptimize(times);
    keep_switching<P::depth>(side, times);
  } else {
    for (;;) switch_once<1, P::depth>(side);
  }
}

[[gnu::noinline]] void callee() {
  asm volatile("");
}

struct call_side {
  [[gnu::always_inline]] void operator()() { callee(); }
};
struct idle_side {
  [[gnu::always_inline]] void operator()() {}
};

template <class P, class Side>
void calls(benchmark::State& state) {
  Side side;
  time_switches<P>(state, side, 1);
}

template <bare_switch Switch>
struct bare_side {
  void** own;
  void** other;
  [[gnu::always_inline]] void operator()() { Switch(own, *other); }
};

void* bare_contexts[2];

template <class P, bare_switch Switch>
void bare(benchmark::State& state) {
  bare_contexts[1] = make_bare(private_stack(0), [](void** starter) {
    bare_side<Switch> side{&bare_contexts[1], starter};
    answer_for_ever<P>(side);
  });
  bare_side<Switch> side{&bare_contexts[0], &bare_contexts[1]};
  time_switches<P>(state, side);
}

struct jump_side {
  context::detail::fcontext_t other;
  [[gnu::always_inline]] void operator()() {
    other = context::detail::jump_fcontext(other, nullptr).fctx;
  }
};

template <class P>
void boost_jump(benchmark::State& state) {
  jump_side side{context::detail::make_fcontext(private_stack(0), stack_bytes,
                                                [](context::detail::transfer_t back) {
                                                  jump_side theirs{back.fctx};
                                                  answer_for_ever<P>(theirs);
                                                })};
  time_switches<P>(state, side);
}

struct fiber_side {
  context::fiber other;
  [[gnu::always_inline]] void operator()() { other = std::move(other).resume(); }
};

template <class P>
void boost_fiber(benchmark::State& state) {
  fiber_side side{context::fiber(std::allocator_arg, context::fixedsize_stack(stack_bytes),
                                 [](context::fiber&& back) {
                                   fiber_side theirs{std::move(back)};
                                   answer_for_ever<P>(theirs);
                                   return std::move(theirs.other);
                                 })};
  time_switches<P>(state, side);
}

ucontext_t main_ucontext;
ucontext_t other_ucontext;

struct ucontext_side {
  ucontext_t* own;
  ucontext_t* other;
  [[gnu::always_inline]] void operator()() { swapcontext(own, other); }
};

void swap_context(benchmark::State& state) {
  getcontext(&other_ucontext);
  other_ucontext.uc_stack.ss_sp = private_stack_bottom(0);
  other_ucontext.uc_stack.ss_size = stack_bytes;
  const auto run = [] {
    ucontext_side side{&other_ucontext, &main_ucontext};
    answer_for_ever<diff>(side);
  };
  makecontext(&other_ucontext, run, 0);
  ucontext_side side{&main_ucontext, &other_ucontext};
  time_switches<diff>(state, side);
}

struct greenlet_side {
  const greenlet& other;
  [[gnu::always_inline]] void operator()() { other.switch_to(); }
};

/// A greenlet that switches to `target` again and again, until its last handle goes.
template <class P>
greenlet answering(const greenlet& target, placement where) {
  return greenlet(
      [target] {
        greenlet_side side{target};
        answer_for_ever<P>(side);
      },
      offshoot::options{.where = where});
}

template <class P>
void greenlets(benchmark::State& state, placement where) {
  const greenlet other = answering<P>(greenlet::main(), where);
  greenlet_side side{other};
  time_switches<P>(state, side);
}

/// Two nested greenlets on one stack, or one and the stack's owner, are never both in place; one on
/// another greenlet's stack and the main one are.
void nested_greenlets(benchmark::State& state) {
  greenlet nested;
  const greenlet host(
      [&nested] {
        nested = answering<diff>(greenlet::main(), placement::nested);
        nested.switch_to();
      },
      offshoot::options{.where = placement::dedicated});
  host.switch_to();
  greenlet_side side{nested};
  time_switches<diff>(state, side);
  nested.reset();
}

using turns = offshoot::coroutine<void()>;

struct caller_side {
  turns& body;
  [[gnu::always_inline]] void operator()() { body(); }
};
struct body_side {
  turns::self& self;
  [[gnu::always_inline]] void operator()() { self.yield(); }
};
/// For the patterns in which both sides run the same code, down to the last call.
struct either_side {
  turns* body;
  turns::self* self;
  [[gnu::always_inline]] void operator()() {
    if (self != nullptr) {
      self->yield();
    } else {
      (*body)();
    }
  }
};

template <class P>
void coroutines(benchmark::State& state) {
  turns body([](turns::self& self) {
    if constexpr (P::one_code) {
      either_side side{nullptr, &self};
      answer_for_ever<P>(side);
    } else {
      body_side side{self};
      answer_for_ever<P>(side);
    }
  });
  if constexpr (P::one_code) {
    either_side side{&body, nullptr};
    time_switches<P>(state, side);
  } else {
    caller_side side{body};
    time_switches<P>(state, side);
  }
}

/// With an argument each way.
void coroutines_with_int(benchmark::State& state) {
  using echo = offshoot::coroutine<int(int)>;
  echo body([](echo::self& self, int number) -> int {
    for (;;) number = self.yield(number);
  });
  int number = 1;
  auto side = [&]() __attribute__((always_inline)) {
    benchmark::DoNotOptimize(number = body(number));
  };
  time_switches<diff>(state, side);
}

/// One element is two switches.
void generators(benchmark::State& state) {
  offshoot::generator<int> numbers([](auto& yield) {
    for (int number = 0;; ++number) yield(number);
  });
  auto element = numbers.begin();
  auto side = [&]() __attribute__((always_inline)) {
    benchmark::DoNotOptimize(*++element);
  };
  time_switches<diff>(state, side);
}

template <class P>
void add_pattern(const char* name) {
  if constexpr (have_floor) {
    add({name, "six_registers"}, bare<P, bench_six_registers>);
    add({name, "six_registers_jump"}, bare<P, bench_six_registers_jump>);
  }
  add({name, "boost_jump"}, boost_jump<P>);
  add({name, "boost_fiber"}, boost_fiber<P>);
  add({name, "switch_to"}, [](auto& state) { greenlets<P>(state, placement::lane); });
  add({name, "coroutine"}, coroutines<P>);
}

}  // namespace

void add_pairs() {
  add({"same", "call"}, calls<same, call_side>);
  add_pattern<same>("same");
  add_pattern<diff>("diff");
  add({"diff", "switch_to_dedicated"},
      [](auto& state) { greenlets<diff>(state, placement::dedicated); });
  add({"diff", "switch_to_nested"}, nested_greenlets);
  add({"diff", "coroutine_with_int"}, coroutines_with_int);
  add({"diff", "generator"}, generators);
  add({"diff", "swapcontext"}, swap_context);
  add({"deep", "five_calls"}, calls<deep, idle_side>);
  add_pattern<deep>("deep");
  add_pattern<deep_x>("deepX");
}

}  // namespace bench
