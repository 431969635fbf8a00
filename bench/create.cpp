/// Make one, run it to its end and destroy it, its memory used again and again. The plain baseline
/// is a callable of the same size on the heap.
#include <offshoot/coroutine.hpp>
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <memory>
#include <utility>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>
#include <boost/context/fixedsize_stack.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <ucontext.h>

#include "floor.hpp"
#include "harness.hpp"

namespace bench {
namespace {

namespace context = boost::context;
using offshoot::greenlet;
using offshoot::placement;

struct callable {
  virtual ~callable() = default;
  virtual void run() {}
  std::byte rest[504];  // about what a greenlet takes, and is not written either
};

void heap_object(benchmark::State& state) {
  for (auto _ : state) {
    const auto object = std::make_unique_for_overwrite<callable>();
    benchmark::DoNotOptimize(object.get());
    object->run();
  }
}

/// No more than a first frame, a switch there and one back.
void six_registers(benchmark::State& state) {
  void* here = nullptr;
  for (auto _ : state) {
    void* const made = make_bare(private_stack(0), [](void** starter) {
      void* ended = nullptr;
      bench_six_registers_jump(&ended, *starter);
    });
    bench_six_registers_jump(&here, made);
  }
}

void boost_jump(benchmark::State& state) {
  for (auto _ : state) {
    const auto made = context::detail::make_fcontext(
        private_stack(0), stack_bytes, [](context::detail::transfer_t back) {
          context::detail::jump_fcontext(back.fctx, nullptr);
        });
    context::detail::jump_fcontext(made, nullptr);
  }
}

template <class Stack>
void boost_fiber(benchmark::State& state) {
  Stack stacks(stack_bytes);
  for (auto _ : state) {
    context::fiber made(std::allocator_arg, stacks,
                        [](context::fiber&& back) { return std::move(back); });
    benchmark::DoNotOptimize(std::move(made).resume());
  }
}

void swap_context(benchmark::State& state) {
  ucontext_t here;
  for (auto _ : state) {
    ucontext_t made;
    getcontext(&made);
    made.uc_stack.ss_sp = private_stack_bottom(0);
    made.uc_stack.ss_size = stack_bytes;
    made.uc_link = &here;
    makecontext(
        &made, [] {}, 0);
    swapcontext(&here, &made);
  }
}

void ours(benchmark::State& state, placement where) {
  const offshoot::options chosen{.where = where};
  for (auto _ : state) {
    const greenlet made([] {}, chosen);
    made.switch_to();
  }
}

void ours_with_payload(benchmark::State& state) {
  for (auto _ : state) {
    const greenlet made([](int number) { benchmark::DoNotOptimize(number); });
    made.switch_to(1);
  }
}

void ours_as_coroutine(benchmark::State& state) {
  using once = offshoot::coroutine<void()>;
  for (auto _ : state) {
    once made([](once::self& /*never yields*/) {});
    made();
  }
}

}  // namespace

void add_create() {
  add({"create", "heap_object"}, heap_object);
  if constexpr (have_floor) add({"create", "six_registers"}, six_registers);
  add({"create", "boost_jump"}, boost_jump);
  add({"create", "boost_fiber_malloc"}, boost_fiber<context::fixedsize_stack>);
  add({"create", "boost_fiber_pooled"}, boost_fiber<context::pooled_fixedsize_stack>);
  add({"create", "swapcontext"}, swap_context);
  add({"create", "lane"}, [](auto& state) { ours(state, placement::lane); });
  add({"create", "lane_with_payload"}, ours_with_payload);
  add({"create", "coroutine"}, ours_as_coroutine);
  add({"create", "dedicated"}, [](auto& state) { ours(state, placement::dedicated); });
  add({"create", "nested"}, [](auto& state) { ours(state, placement::nested); });
}

}  // namespace bench
