/// Many that are visited in turn, each with 128 bytes alive: what one visit costs. *rr*: in the
/// order of their creation; *random*: in another, which a dense queue holds; *ahead*: the same, and
/// who is to come soon is prefetched. A visit is one switch, but two of a fiber or a coroutine,
/// which only whoever resumed it can be left for; and a task's turn in a hub.
#include <offshoot/hub.hpp>
#include <offshoot/offshoot.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

/// The floor of those that move: what is alive of one goes out and that of the next comes in. Each
/// is as large as a greenlet with as much alive, and one word before its bytes is looked at.
struct mover {
  std::uintptr_t seen = 1;
  std::byte rest[200];
  std::byte bytes[256];
};

template <bool Ahead>
void two_memcpys(benchmark::State& state, order how, std::size_t count) {
  std::vector<std::unique_ptr<mover>> queue(count + ahead);
  for (const std::size_t turn : turns(how, count)) queue[turn] = std::make_unique<mover>();
  alignas(64) static std::byte place[sizeof(mover::bytes)];
  std::size_t bytes = sizeof place;  // not known where greenlets are copied, nor here
  benchmark::DoNotOptimize(bytes);
  mover* out = queue[count - 1].get();
  time_rounds(state, count, [&] {
    for (std::size_t turn = 0; turn < count; ++turn) {
      if constexpr (Ahead) {
        const auto* const soon = reinterpret_cast<const std::byte*>(queue[turn + ahead].get());
        for (std::size_t at = 0; at < sizeof(mover); at += 64) __builtin_prefetch(soon + at);
      }
      mover* const in = queue[turn].get();
      if (in->seen != 0) {
        std::memcpy(out->bytes, place, bytes);
        benchmark::ClobberMemory();
        std::memcpy(place, in->bytes, bytes);
        benchmark::ClobberMemory();
      }
      out = in;
    }
  });
}

/// What there is of one that is no greenlet, beside its stack: as little as can be, but its own. As
/// for greenlets, queues hold where it is.
template <class Context>
struct alignas(64) task {
  Context context{};
};

/// Whose turn it is, in a queue that ends with who runs the benchmark. Not a local of those that
/// take turns: the way to the next must not lead over a stack that has just been switched to, whose
/// bytes are yet to come from memory.
template <class Context>
task<Context>** task_turn;

/// `count` tasks in the order of creation, and whoever runs the benchmark as the last.
template <class Context>
struct queue_of_tasks {
  std::vector<task<Context>> all;
  std::vector<task<Context>*> queue;  ///< longer by what is looked at ahead

  queue_of_tasks(order how, std::size_t count) : all(count + 1), queue(count + 1 + 2 * ahead) {
    std::fill(queue.begin(), queue.end(), &all[count]);
    for (std::size_t i = 0; const std::size_t turn : turns(how, count)) queue[turn] = &all[i++];
  }
};

template <bool Ahead>
void bare_step(void** own) {
  task<void*>** const turn = task_turn<void*> ++;
  if constexpr (Ahead) {
    __builtin_prefetch(turn[2 * ahead]);
    const auto* const stack = static_cast<const std::byte*>(turn[ahead]->context);
    __builtin_prefetch(stack);
    __builtin_prefetch(stack + 64);
  }
  bench_six_registers(own, (*turn)->context);
}

template <bool Ahead>
void bare(benchmark::State& state, order how, std::size_t count) {
  queue_of_tasks<void*> tasks(how, count);
  void** const own = &tasks.all[count].context;
  for (std::size_t i = 0; i < count; ++i) {
    void*& context = tasks.all[i].context;
    context = make_bare(private_stack(i), [](void** starter) {
      with_live_bytes<live_bytes>([starter] {
        void** mine = &(*task_turn<void*>)->context;
        for (bench_six_registers(mine, *starter);;) bare_step<Ahead>(mine);
      });
    });
    task<void*>* here = &tasks.all[i];
    task_turn<void*> = &here;
    bench_six_registers(own, context);
  }
  time_rounds(state, count, [&] {
    task_turn<void*> = tasks.queue.data();
    bare_step<Ahead>(own);
  });
}

using context::detail::fcontext_t;

/// Whoever arrives notes where the one waits that has been left.
void jump_step(task<fcontext_t>* own) {
  const auto came = context::detail::jump_fcontext((*task_turn<fcontext_t> ++)->context, own);
  static_cast<task<fcontext_t>*>(came.data)->context = came.fctx;
}

void boost_jump(benchmark::State& state, order how, std::size_t count) {
  queue_of_tasks<fcontext_t> tasks(how, count);
  task<fcontext_t>* const own = &tasks.all[count];
  for (std::size_t i = 0; i < count; ++i) {
    task<fcontext_t>* begun[] = {&tasks.all[i], own};
    task_turn<fcontext_t> = begun;
    begun[0]->context = context::detail::make_fcontext(
        private_stack(i), stack_bytes, [](context::detail::transfer_t starter) {
          with_live_bytes<live_bytes>([starter] {
            static_cast<task<fcontext_t>*>(starter.data)->context = starter.fctx;
            task<fcontext_t>* const mine = task_turn<fcontext_t>[-1];
            for (;;) jump_step(mine);
          });
        });
    jump_step(own);
  }
  time_rounds(state, count, [&] {
    task_turn<fcontext_t> = tasks.queue.data();
    jump_step(own);
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

/// The hub's own queue, in which each stands again when it yields; it looks ahead by itself.
void tasks(benchmark::State& state, order how, std::size_t count) {
  std::vector<offshoot::event> gates(count);
  std::vector<offshoot::task<void>> all;
  now = phase::timed;
  for (std::size_t each = 0; each < count; ++each) {
    all.push_back(offshoot::spawn([&gate = gates[each]] {
      with_live_bytes<live_bytes>([&] {
        gate.wait();
        while (now == phase::timed) offshoot::yield();
      });
    }));
  }
  offshoot::yield();
  for (const std::size_t turn : turns(how, count)) gates[turn].set();
  time_rounds(state, count, offshoot::yield);
  now = phase::over;
  join_all(all);
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
      add_kind(how, "two_memcpys", count, two_memcpys<false>);
      add_kind(how, "boost_jump", count, boost_jump);
      add_kind(how, "boost_fiber", count, boost_fibers);
      add_kind(how, "lane", count, lane);
      add_kind(how, "coroutine", count, coroutines);
      add_kind(how, "task", count, tasks);
      add_kind(how, "dedicated", count, dedicated);
    }
    if constexpr (have_floor) add_kind(order::ahead, "six_registers", count, bare<true>);
    add_kind(order::ahead, "two_memcpys", count, two_memcpys<true>);
    if constexpr (can_prefetch<greenlet>) {
      add_kind(order::ahead, "lane", count, [](auto& state, order how, auto number) {
        greenlets<true>(state, how, number, placement::lane);
      });
    }
  }
}

}  // namespace bench
