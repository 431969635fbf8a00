/// MXCSR and the x87 control word: the thread's, or a greenlet's own.
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include OFFSHOOT_ARCH_HEADER
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::detail::fp_environment;

namespace {

constexpr std::uint32_t control_bits = 0xffc0;  // of MXCSR; the others are status flags

fp_environment now() {
  fp_environment got;
  offshoot::detail::store(got);
  got.mxcsr &= control_bits;
  return got;
}

void set(std::uint32_t mxcsr, std::uint16_t x87_control) {
  fp_environment wanted;
  wanted.mxcsr = mxcsr;
  wanted.x87_control = x87_control;
  offshoot::detail::load(wanted);
}

bool is(std::uint32_t mxcsr, std::uint16_t x87_control) {
  const fp_environment got = now();
  return got.mxcsr == mxcsr && got.x87_control == x87_control;
}

/// Distinct for each number: rounding modes, flush to zero, x87 precision and rounding.
std::uint32_t mxcsr_of(std::size_t number) {
  return static_cast<std::uint32_t>(0x1f80U | (number % 4) << 13U | (number / 4 % 2) << 15U);
}
std::uint16_t x87_of(std::size_t number) {
  const std::size_t precision = number % 2 == 0 ? 3 : 2;
  return static_cast<std::uint16_t>(0x007fU | (precision << 8U) | (number / 2 % 4) << 10U);
}

class environment_kept {
 public:
  ~environment_kept() { set(0x1f80, 0x037f); }
};

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: both control words are kept apart for those that asked") {
  const environment_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    set(mxcsr_of(9), x87_of(9));
    std::vector<greenlet> all;
    unsigned right = 0;
    constexpr std::size_t count = 24;  // more than lanes
    for (std::size_t i = 0; i < count; ++i) {
      all.emplace_back(
          [&right, i] {
            right += is(mxcsr_of(9), x87_of(9));
            set(mxcsr_of(i), x87_of(i));
            for (int round = 0; round < 3; ++round) {
              test::to_parent();
              right += is(mxcsr_of(i), x87_of(i));
            }
          },
          offshoot::options{.where = where, .own_fp_environment = true});
    }
    for (int round = 0; round < 4; ++round) {
      for (const greenlet& each : all) {
        each.switch_to();
        CHECK(is(mxcsr_of(9), x87_of(9)));
      }
    }
    CHECK(right == 4 * count);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S27: and follow the thread for those that did not") {
  const environment_kept at_end;
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       for (std::size_t i = 0;; ++i) {
                         CHECK(is(mxcsr_of(2 * i), x87_of(2 * i)));
                         set(mxcsr_of(2 * i + 1), x87_of(2 * i + 1));
                         test::to_parent();
                       }
                     },
                     {.where = where}};
    for (std::size_t i = 0; i < 4; ++i) {
      set(mxcsr_of(2 * i), x87_of(2 * i));
      g.switch_to();
      CHECK(is(mxcsr_of(2 * i + 1), x87_of(2 * i + 1)));
    }
  }
}
