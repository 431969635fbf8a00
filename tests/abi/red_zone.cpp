/// Bytes below the stack pointer, where a leaf may keep what it has: where a switch is compiled in
/// there must be none, since whoever evicts a greenlet leaves them behind. Tried with functions
/// that a compiler could take for leaves.
#include <offshoot/coroutine.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::value;

namespace {

/// All that this does is to switch, and to remember meanwhile where the result goes.
[[gnu::noinline]] value pass_on(const greenlet& target) {
  return target.switch_to();
}

/// The same with words that must be there afterwards.
[[gnu::noinline]] value pass_on_with(const greenlet& target, std::uint64_t* words, std::uint64_t a,
                                     std::uint64_t b, std::uint64_t c) {
  words[0] = a * b;
  words[1] = b * c;
  return target.switch_to();
}

/// What a switch spoils if it gets there: everything below here.
[[gnu::noinline]] void spoil_stack_below() {
  volatile std::uint64_t words[64];
  for (auto& word : words) word = 0x5a5a5a5a5a5a5a5a;
}

/// Switches again and again from one depth, and counts how often all was well.
void run(const greenlet& back, int& fine) {
  for (int i = 0; i < 8; ++i) {
    spoil_stack_below();
    value first(i);
    first = pass_on(back);
    std::uint64_t words[2] = {};
    const value second = pass_on_with(back, words, 3, 5, 7);
    if (!first.has_value() && !second.has_value() && words[0] == 15 && words[1] == 35) ++fine;
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "S35: whoever switches keeps nothing below its frame") {
  std::thread([] {
    offshoot::set_lane_count(1);  // each comes back to a place where the other has been
    const greenlet main = greenlet::main();
    int fine = 0;
    const auto work = [&main, &fine] { run(main, fine); };
    const greenlet one{work};
    const greenlet two{work};
    for (int i = 0; i < 20; ++i) {
      one.switch_to();
      two.switch_to();
    }
    CHECK(one.dead());
    CHECK(two.dead());
    CHECK(fine == 16);
  }).join();
}

// Registers that a function has by an attribute: only clang lets a switch say that it spoils them.
#if defined(__x86_64__) && (defined(__clang__) || defined(__AVX512F__))

#include <immintrin.h>

namespace {

#define WIDE __attribute__((target("avx512f"), noinline))

WIDE void spoil_wide_registers() {
  asm volatile(
      "vpternlogd $0xff, %%zmm16, %%zmm16, %%zmm16\n\t"
      "vmovdqa64 %%zmm16, %%zmm17\n\t"
      "vmovdqa64 %%zmm16, %%zmm18\n\t"
      "vmovdqa64 %%zmm16, %%zmm19\n\t"
      "kxnorw %%k0, %%k0, %%k0"
      :
      :
      : "xmm16", "xmm17", "xmm18", "xmm19", "k0");
}

WIDE void add_up(offshoot::coroutine<void()>& other, const std::array<__m512d, 4>& terms,
                 __m512d& sum) {
  __m512d so_far = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    other();
    so_far = _mm512_add_pd(terms[i], so_far);
  }
  sum = so_far;
}

WIDE void fill(std::array<__m512d, 4>& terms) {
  for (__m512d& each : terms) each = _mm512_set1_pd(1.5);
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: wide registers of the function alone are not relied on") {
  if (!__builtin_cpu_supports("avx512f")) return;
  offshoot::coroutine<void()> other{[](auto& self) {
    for (;;) {
      spoil_wide_registers();
      self.yield();
    }
  }};
  std::array<__m512d, 4> terms;
  fill(terms);
  std::array<__m512d, 1> sum;
  add_up(other, terms, sum[0]);
  std::array<double, 8> parts;
  std::memcpy(parts.data(), sum.data(), sizeof parts);
  for (const double each : parts) CHECK(each == 6);
}

#endif
