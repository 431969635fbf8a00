/// Resident bytes of each of many that are suspended with 128 bytes alive in a frame. Every count
/// is made in a process of its own: memory that another benchmark has freed would hide what they
/// take. The handle by which each is held is counted as well, and so are the page tables. The plain
/// baseline is 128 bytes on the heap.
#include "bytes.hpp"

#include <offshoot/coroutine.hpp>
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/context/fiber.hpp>
#include <boost/context/pooled_fixedsize_stack.hpp>
#include <unistd.h>

#include "environment.hpp"
#include "harness.hpp"

namespace bench {
namespace {

using boost::context::fiber;
using offshoot::greenlet;
using offshoot::placement;

/// The bytes that each element of `all` costs, which `make` fills in.
template <class T, class F>
double bytes_each(std::size_t count, F&& make) {
  std::vector<T> all;
  const std::size_t before = resident_bytes();
  all.resize(count);
  for (T& each : all) make(each);
  const std::size_t after = resident_bytes();
  std::printf("%f\n", static_cast<double>(after - before) / static_cast<double>(count));
  std::fflush(stdout);
  std::_Exit(0);  // a million unwindings would be of no use
}

void heap_objects(std::size_t count) {
  bytes_each<std::unique_ptr<std::byte[]>>(
      count, [](auto& each) { each = std::make_unique<std::byte[]>(live_bytes); });
}

void boost_fibers(std::size_t count) {
  boost::context::pooled_fixedsize_stack stacks(std::size_t{64} << 10);
  bytes_each<fiber>(count, [&](fiber& each) {
    each = fiber(std::allocator_arg, stacks, [](fiber&& back) {
      with_live_bytes<live_bytes>([&] { back = std::move(back).resume(); });
      return std::move(back);
    });
    each = std::move(each).resume();
  });
}

void ours(placement where, std::size_t count) {
  const offshoot::options chosen{.where = where, .stack_size = std::size_t{16} << 10};
  const greenlet& back = greenlet::main();
  bytes_each<greenlet>(count, [&](greenlet& each) {
    each = greenlet([&back] { with_live_bytes<live_bytes>([&] { back.switch_to(); }); }, chosen);
    each.switch_to();
  });
}

void coroutines(std::size_t count) {
  using turn_taker = offshoot::coroutine<void()>;
  bytes_each<std::unique_ptr<turn_taker>>(count, [](auto& each) {
    each = std::make_unique<turn_taker>(
        [](turn_taker::self& self) { with_live_bytes<live_bytes>([&] { self.yield(); }); });
    (*each)();
  });
}

/// Asks a new process that runs this same program.
void ask(benchmark::State& state, const std::string& name, std::size_t count) {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  std::string command = "'";
  command.append(path, length < 0 ? 0 : static_cast<std::size_t>(length)).append("' --bytes ");
  command.append(name).append(" ").append(std::to_string(count));
  for (auto _ : state) {
    double bytes = 0;
    std::FILE* answer = popen(command.c_str(), "r");
    if (answer == nullptr || std::fscanf(answer, "%lf", &bytes) != 1) {
      state.SkipWithError("no answer");
    }
    if (answer != nullptr) pclose(answer);
    state.counters[bytes_counter] = bytes;
  }
}

void add_count(const std::string& name, std::size_t count) {
  add({"bytes", name, std::to_string(count)}, [=](auto& state) { ask(state, name, count); })
      ->Iterations(1)
      ->Repetitions(1);  // it hardly varies
}

}  // namespace

int print_bytes(const char* name, const char* count_text) {
  const std::string_view what(name);
  const std::size_t count = std::strtoull(count_text, nullptr, 10);
  if (what == "heap_object") heap_objects(count);
  if (what == "boost_fiber") boost_fibers(count);
  if (what == "lane") ours(placement::lane, count);
  if (what == "coroutine") coroutines(count);
  if (what == "dedicated") ours(placement::dedicated, count);
  if (what == "nested") ours(placement::nested, count);
  std::fprintf(stderr, "offshoot-bench: no such thing to measure: %s\n", name);
  return 1;
}

void add_bytes() {
  add_count("heap_object", 1'000'000);
  for (const std::size_t count : {10'000UL, 100'000UL, 1'000'000UL, 10'000'000UL}) {
    if (count > 1'000'000 && !everything) continue;
    add_count("lane", count);
    if (count > 1'000'000) continue;
    add_count("coroutine", count);
    add_count("nested", count);
    if (count > 100'000) continue;  // they are what it was, and take gigabytes
    add_count("dedicated", count);
    add_count("boost_fiber", count);
  }
}

}  // namespace bench
