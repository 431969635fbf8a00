/// The paths whose instructions are counted: `speed-paths PATH N` goes N times through one of them,
/// and does nothing else that depends on N.
#include <offshoot/coroutine.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace {

using offshoot::greenlet;

/// There and back, in place.
void switch_to(std::size_t times) {
  const greenlet other([back = greenlet::main()] {
    for (;;) back.switch_to();
  });
  for (; times != 0; --times) other.switch_to();
}

/// There with a number, back without.
void payload(std::size_t times) {
  const greenlet other([back = greenlet::main()](int) {
    for (;;) back.switch_to();
  });
  for (; times != 0; --times) other.switch_to(1);
}

/// A call and its answer.
void coroutine(std::size_t times) {
  using turns = offshoot::coroutine<void()>;
  turns body([](turns::self& self) {
    for (;;) self.yield();
  });
  for (; times != 0; --times) body();
}

/// An element.
void generator(std::size_t times) {
  offshoot::generator<int> numbers([](auto& yield) {
    for (int number = 0;; ++number) yield(number);
  });
  for (auto element = numbers.begin(); times != 0; --times) ++element;
}

template <std::size_t Live, class F>
[[gnu::noinline]] void with_live_bytes(F&& work) {
  std::array<std::byte, Live> live;
  asm volatile("" : : "r"(live.data()) : "memory");
  work();
  asm volatile("" : : "r"(live.data()) : "memory");
}

/// There and back between two on one lane: each moves one's bytes out and the other's in.
template <std::size_t Live>
void copy(std::size_t times) {
  offshoot::set_lane_count(1);
  bool over = false;
  greenlet first;
  greenlet second([&] {
    with_live_bytes<Live>([&] {
      while (!over) first.switch_to();
    });
  });
  first = greenlet([&] {
    with_live_bytes<Live>([&] {
      for (; times != 0; --times) second.switch_to();
    });
    over = true;
  });
  first.switch_to();
}

/// Make one, run it to its end and destroy it.
void create(std::size_t times) {
  for (; times != 0; --times) greenlet([] {}).switch_to();
}

constexpr std::array<std::pair<std::string_view, void (*)(std::size_t)>, 7> paths{{
    {"switch_to", switch_to},
    {"payload", payload},
    {"coroutine", coroutine},
    {"generator", generator},
    {"copy_0", copy<0>},
    {"copy_256", copy<256>},
    {"create", create},
}};

}  // namespace

int main(int count, char** arguments) {
  for (const auto& [name, go] : paths) {
    if (count != 3 || name != arguments[1]) continue;
    go(std::strtoul(arguments[2], nullptr, 10));
    return 0;
  }
  std::fprintf(stderr, "usage: speed-paths PATH N\n");
  return 1;
}
