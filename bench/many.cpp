/// Many that are visited in turn, each with 128 bytes alive: what one visit costs. *rr*: in the
/// order of their creation; *random*: in another, which a dense queue holds; *ahead*: the same, and
/// who is to come soon is prefetched. A visit is one switch, but two of a fiber or a coroutine,
/// which only whoever resumed it can be left for.
#include <offshoot/offshoot.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>

#include "floor.hpp"
#include "harness.hpp"

namespace bench {
namespace {

namespace context = boost::context;
using offshoot::greenlet;
using offshoot::placement;

enum class order { rr, random, ahead };
constexpr const char* name_of(order visits) {
  return visits == order::rr ? "rr" : visits == order::random ? "random" : "random_ahead";
}

/// How many visits ahead is prefetched.
constexpr std::size_t ahead = 8;

/// The turn of each, from 0, by the order of creation.
std::vector<std::size_t> turns(order visits, std::size_t count) {
  std::vector<std::size_t> each(count);
  std::iota(each.begin(), each.end(), std::size_t{0});
  if (visits != order::rr) std::shuffle(each.begin(), each.end(), std::mt19937(1));
  return each;
}

/// About as many visits for every number of them.
benchmark::IterationCount visits(std::size_t count) {
  constexpr std::size_t usual = 200'000;
  return static_cast<benchmark::IterationCount>(count > usual ? count : usual / count * count);
}

/// Times rounds of `count` visits, after one in which caches and buffers become what they will be.
template <class F>
void time_rounds(benchmark::State& state, std::size_t count, F&& round) {
  round();
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) round();
}

enum class phase { timed, counting, over };
phase now;

struct callable {
  virtual ~callable() = default;
  virtual void visit() { ++live[0]; }
  unsigned char live[live_bytes]{};
};

void heap_objects(benchmark::State& state, order how, std::size_t count) {
  std::vector<std::unique_ptr<callable>> queue(count);
  for (const std::size_t turn : turns(how, count)) queue[turn] = std::make_unique<callable>();
  time_rounds(state, count, [&] {
    for (const auto& each : queue) each->visit();
  });
}

/// Whose turn it is, in a queue that begins and ends with who runs the benchmark. Not a local of
/// those that take turns: the way to the next must not lead over a stack that has just been left
/// for, whose bytes are yet to come from memory.
void** bare_turn;

template <bool Ahead>
void bare_step() {
  void** const own = bare_turn++;
  if constexpr (Ahead) {
    for (std::ptrdiff_t line = 0; line < 4; ++line) {
      __builtin_prefetch(static_cast<std::byte*>(bare_turn[ahead]) + 64 * line);
    }
  }
  bench_six_registers(own, *bare_turn);
}

template <bool Ahead>
void bare(benchmark::State& state, order how, std::size_t count) {
  std::vector<void*> queue(count + 2 + ahead);
  bare_turn = queue.data();
  for (std::size_t i = 0; const std::size_t turn : turns(how, count)) {
    queue[turn + 1] = make_bare(private_stack(i++), [](void** starter) {
      with_live_bytes<live_bytes>([starter] {
        bench_six_registers(bare_turn, *starter);
        for (;;) bare_step<Ahead>();
      });
    });
    bare_turn = &queue[turn + 1];
    bench_six_registers(&queue[0], *bare_turn);
  }
  time_rounds(state, count, [&] {
    bare_turn = &queue[count + 1];
    void** const own = std::exchange(bare_turn, &queue[1]);
    bench_six_registers(own, *bare_turn);
  });
}

context::detail::fcontext_t* jump_turn;

/// Whoever arrives notes where the one waits that has been left.
void jump_to(context::detail::fcontext_t* own) {
  const context::detail::transfer_t came = context::detail::jump_fcontext(*jump_turn, own);
  *static_cast<context::detail::fcontext_t*>(came.data) = came.fctx;
}

void boost_jump(benchmark::State& state, order how, std::size_t count) {
  std::vector<context::detail::fcontext_t> queue(count + 2);
  for (std::size_t i = 0; const std::size_t turn : turns(how, count)) {
    jump_turn = &queue[turn + 1];
    *jump_turn = context::detail::make_fcontext(
        private_stack(i++), stack_bytes, [](context::detail::transfer_t starter) {
          with_live_bytes<live_bytes>([starter] {
            *static_cast<context::detail::fcontext_t*>(starter.data) = starter.fctx;
            auto* const own =
                std::exchange(jump_turn, static_cast<context::detail::fcontext_t*>(starter.data));
            for (jump_to(own);;) {
              auto* const left = jump_turn++;
              jump_to(left);
            }
          });
        });
    jump_to(&queue[0]);
  }
  time_rounds(state, count, [&] {
    jump_turn = &queue[1];
    jump_to(&queue[count + 1]);
  });
}

/// Gives fibers the same stacks as all others that have one of their own.
struct private_stack_each {
  std::size_t next;
  context::stack_context allocate() {
    context::stack_context made;
    made.sp = private_stack(next);
    made.size = stack_bytes;
    return made;
  }
  void deallocate(context::stack_context& /*stays*/) {}
};

void boost_fibers(benchmark::State& state, order how, std::size_t count) {
  std::vector<context::fiber> queue(count);
  now = phase::timed;
  for (std::size_t i = 0; const std::size_t turn : turns(how, count)) {
    context::fiber made(std::allocator_arg, private_stack_each{i++}, [](context::fiber&& back) {
      with_live_bytes<live_bytes>([&] {
        while (now == phase::timed) back = std::move(back).resume();
      });
      return std::move(back);
    });
    queue[turn] = std::move(made).resume();
  }
  time_rounds(state, count, [&] {
    for (context::fiber& each : queue) each = std::move(each).resume();
  });
  now = phase::over;
  for (context::fiber& each : queue) each = std::move(each).resume();
}

void coroutines(benchmark::State& state, order how, std::size_t count) {
  using turn_taker = offshoot::coroutine<void()>;
  std::vector<std::unique_ptr<turn_taker>> queue(count);
  now = phase::timed;
  for (const std::size_t turn : turns(how, count)) {
    queue[turn] = std::make_unique<turn_taker>([](turn_taker::self& self) {
      with_live_bytes<live_bytes>([&] {
        while (now == phase::timed) self.yield();
      });
    });
    (*queue[turn])();
  }
  time_rounds(state, count, [&] {
    for (const auto& each : queue) (*each)();
  });
  now = phase::over;
  for (const auto& each : queue) (*each)();
}

const greenlet* greenlet_turn;
std::size_t evictions;

/// For a library that cannot prefetch a greenlet, which is then not measured.
template <class Greenlet>
constexpr bool can_prefetch = requires(const Greenlet& soon) {
  prefetch(soon);
};

template <bool Ahead, class Greenlet>
void look_ahead(const Greenlet* turn) {
  if constexpr (Ahead && can_prefetch<Greenlet>) prefetch(turn[ahead]);
}

template <bool Ahead>
void take_turns() {
  while (now == phase::timed) {
    const greenlet* const next = greenlet_turn++;
    look_ahead<Ahead>(next);
    next->switch_to();
  }
  while (now == phase::counting) {
    const greenlet* const next = greenlet_turn++;
    evictions += next->stack_saved_bytes() != 0 ? 1 : 0;  // for each that comes in, one goes out
    next->switch_to();
  }
}

template <bool Ahead = false>
void greenlets(benchmark::State& state, order how, std::size_t count, placement where) {
  const offshoot::options chosen{.where = where, .stack_size = std::size_t{16} << 10};
  std::vector<greenlet> queue(count + 1 + ahead, greenlet::main());
  now = phase::timed;
  for (const std::size_t turn : turns(how, count)) {
    queue[turn] = greenlet(
        [&back = queue.back()] {
          with_live_bytes<live_bytes>([&] {
            back.switch_to();
            take_turns<Ahead>();
          });
        },
        chosen);
    queue[turn].switch_to();
  }
  const auto round = [&] {
    greenlet_turn = &queue[1];
    queue[0].switch_to();
  };
  time_rounds(state, count, round);
  now = phase::counting;
  evictions = 0;
  round();
  state.counters[evictions_counter] = static_cast<double>(evictions) / static_cast<double>(count);
  now = phase::over;
  for (std::size_t i = 0; i < count; ++i) queue[i].switch_to();
}

void add_kind(order how, const std::string& kind, std::size_t count, auto run) {
  add({name_of(how), kind, std::to_string(count)}, [=](auto& state) {
    in_fresh_thread([&] { run(state, how, count); });
  })->Iterations(visits(count));
}

}  // namespace

void add_many() {
  const auto lane = [](auto& state, order how, auto count) {
    greenlets(state, how, count, placement::lane);
  };
  const auto dedicated = [](auto& state, order how, auto count) {
    greenlets(state, how, count, placement::dedicated);
  };
  for (const std::size_t count : {1'000UL, 100'000UL, 1'000'000UL}) {
    if (count > 100'000 && !everything) continue;
    for (const order how : {order::rr, order::random}) {
      add_kind(how, "heap_object", count, heap_objects);
      if constexpr (have_floor) add_kind(how, "six_registers", count, bare<false>);
      add_kind(how, "boost_jump", count, boost_jump);
      add_kind(how, "boost_fiber", count, boost_fibers);
      add_kind(how, "lane", count, lane);
      add_kind(how, "coroutine", count, coroutines);
      if (count <= 100'000) add_kind(how, "dedicated", count, dedicated);
    }
    if constexpr (have_floor) add_kind(order::ahead, "six_registers", count, bare<true>);
    if constexpr (can_prefetch<greenlet>) {
      add_kind(order::ahead, "lane", count, [](auto& state, order how, auto number) {
        greenlets<true>(state, how, number, placement::lane);
      });
    }
  }
}

}  // namespace bench
