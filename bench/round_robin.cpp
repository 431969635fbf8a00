/// Many that are visited in the order of their creation, each with some 150 bytes alive: what one
/// visit costs. Ours hand on to the next, one switch a visit; a Boost fiber has to be resumed by
/// one that holds them all, two switches a visit. The plain baseline calls an object on the heap.
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>

#include "harness.hpp"

namespace bench {
namespace {

using boost::context::fiber;
using offshoot::greenlet;
using offshoot::placement;

constexpr std::size_t live_bytes = 150;

/// About as often for every number of them.
benchmark::IterationCount visits(std::size_t count) {
  constexpr std::size_t usual = 1'000'000;
  return static_cast<benchmark::IterationCount>(2 *
                                                (count > usual ? count : usual / count * count));
}

struct callable {
  virtual ~callable() = default;
  virtual void visit() { ++live[0]; }
  unsigned char live[live_bytes]{};
};

void heap_objects(benchmark::State& state, std::size_t count) {
  std::vector<std::unique_ptr<callable>> all(count);
  for (auto& each : all) each = std::make_unique<callable>();
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
    for (const auto& each : all) each->visit();
  }
}

void boost_fibers(benchmark::State& state, std::size_t count) {
  boost::context::pooled_fixedsize_stack stacks(std::size_t{64} << 10);
  std::vector<fiber> all(count);
  bool stopping = false;
  for (fiber& each : all) {
    each = fiber(std::allocator_arg, stacks, [&stopping](fiber&& back) {
      with_live_bytes<live_bytes>([&] {
        while (!stopping) back = std::move(back).resume();
      });
      return std::move(back);
    });
    each = std::move(each).resume();
  }
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
    for (fiber& each : all) each = std::move(each).resume();
  }
  stopping = true;
  for (fiber& each : all) each = std::move(each).resume();
}

void ours(benchmark::State& state, placement where, std::size_t count) {
  const offshoot::options chosen{.where = where, .stack_size = std::size_t{16} << 10};
  std::vector<greenlet> all(count + 1);
  bool stopping = false;
  for (std::size_t i = 0; i < count; ++i) {
    all[i] = greenlet(
        [&all, &stopping, i] {
          greenlet::current().parent().switch_to();
          with_live_bytes<live_bytes>([&] {
            while (!stopping) all[i + 1].switch_to();
          });
        },
        chosen);
    all[i].switch_to();
  }
  all[count] = greenlet::main();
  all[0].switch_to();  // until here they had less alive than they will
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(count))) {
    all[0].switch_to();
  }
  stopping = true;
  for (std::size_t i = 0; i < count; ++i) all[i].switch_to();
}

void add_count(std::size_t count, const std::string& name, auto run) {
  add({"round_robin", name, std::to_string(count)}, [=](auto& state) {
    in_fresh_thread([&] { run(state, count); });
  })->Iterations(visits(count));
}

}  // namespace

void add_round_robin() {
  for (const std::size_t count : {10UL, 1'000UL, 100'000UL, 1'000'000UL}) {
    add_count(count, "heap_object", heap_objects);
    add_count(count, "lane", [](auto& state, auto n) { ours(state, placement::lane, n); });
    if (count > 100'000) continue;  // a page each, at least
    add_count(count, "boost_fiber", boost_fibers);
    add_count(count, "dedicated",
              [](auto& state, auto n) { ours(state, placement::dedicated, n); });
    add_count(count, "nested", [](auto& state, auto n) { ours(state, placement::nested, n); });
  }
}

}  // namespace bench
