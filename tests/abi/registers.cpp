/// What the ABI promises to every caller, across switches: registers, alignment, direction flag.
#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <cstdint>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "abi/patterns.hpp"
#include "core/control_block.hpp"
#include "core/thread_state.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::placement;

namespace {

/// Makes `attempt` with patterns in all callee-saved registers; 0 if all were kept.
std::uint64_t changed_by(const std::function<void()>& attempt, std::uintptr_t seed) {
  return call_with_patterns(
      [](void* what, void*, std::uintptr_t) {
        (*static_cast<const std::function<void()>*>(what))();
      },
      const_cast<std::function<void()>*>(&attempt), nullptr, seed);
}

constexpr std::uintptr_t seed_of(std::size_t number) {
  return static_cast<std::uintptr_t>(0x9e3779b97f4a7c15U * (number + 1));
}

std::vector<std::string> all_names() {
  std::istringstream text(callee_saved);
  std::vector<std::string> names;
  for (std::string name; text >> name;) names.push_back(name);
  return names;
}

/// Of the registers in a mask.
std::string names_of(std::uint64_t mask) {
  std::string text;
  for (const std::string& name : all_names()) {
    if ((mask & 1U) != 0) text += text.empty() ? name : ' ' + name;
    mask >>= 1U;
  }
  return mask == 0 ? text : text + " and one without a name";
}

void check_entry() {
  CHECK(wrong_at_entry() == 0);
  // What a compiler relies on: an object that it aligns by knowledge of the entry's alignment.
  alignas(16) volatile char local[16] = {};
  CHECK(reinterpret_cast<std::uintptr_t>(&local) % 16 == 0);
}

/// Enough greenlets that every one of a placement which is shared has been evicted between two of
/// its turns (or one alone, so that nothing moves), each checking its registers at each switch.
void exchange(placement where, std::size_t count, bool raise_too) {
  std::vector<greenlet> all;
  std::uint64_t changed = 0;
  unsigned rounds = 0;
  for (std::size_t i = 0; i < count; ++i) {
    all.emplace_back(
        [&, i] {
          check_entry();
          for (unsigned round = 0; round < 6; ++round) {
            changed |= changed_by(
                [] {
                  try {
                    test::to_parent();
                  } catch (int) {
                  }
                },
                seed_of(i * 10 + round));
            check_entry();
            ++rounds;
          }
        },
        offshoot::options{.where = where});
  }
  std::uint64_t changed_in_main = 0;
  for (unsigned round = 0; round < 7; ++round) {
    for (const greenlet& each : all) {
      changed_in_main |= changed_by(
          [&] {
            if (raise_too && round % 3 == 1) {
              each.throw_in(1);
            } else {
              each.switch_to();
            }
          },
          seed_of(1000 + round));
      check_entry();
    }
  }
  CHECK(names_of(changed).empty());
  CHECK(names_of(changed_in_main).empty());
  CHECK(rounds == 6 * count);
}

}  // namespace

TEST_CASE("S27: the check itself notices each register that is not kept") {
  const std::vector<std::string> names = all_names();
  CHECK(changed_by([] {}, seed_of(1)) == 0);
  for (std::size_t number = 0; number < names.size(); ++number) {
    const std::uint64_t changed =
        call_with_patterns(&spoil, reinterpret_cast<void*>(number), nullptr, seed_of(number));
    CHECK(names_of(changed) == names[number]);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S27: callee-saved registers survive switches in place") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    exchange(where, 1, false);
    exchange(where, 5, true);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S27: callee-saved registers survive switches that copy") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    exchange(where, 40, false);
    exchange(where, 40, true);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S27: and those that swap more than registers") {
  // In a catch block, with a tracer, and with environments of their own, the path is another one.
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    try {
      throw 1;
    } catch (int) {
      exchange(where, 20, true);
    }
    offshoot::set_trace([](auto, const greenlet&, const greenlet&) {});
    exchange(where, 20, true);
    offshoot::set_trace({});
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S27: start, finish and drop keep the caller's registers") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    CHECK(changed_by([where] { greenlet([] {}, {.where = where}).switch_to(); }, seed_of(1)) == 0);
    CHECK(changed_by(
              [where] {
                CHECK_THROWS_AS(greenlet([] { throw 1; }, {.where = where}).switch_to(), int);
              },
              seed_of(2)) == 0);
    greenlet victim{[] { test::to_parent(); }, {.where = where}};
    victim.switch_to();
    CHECK(changed_by([&] { victim.reset(); }, seed_of(3)) == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S27: nested starts are aligned wherever the caller stands") {
  for (const auto where : {placement::lane, placement::dedicated}) {
    const greenlet base{[] {
                          for (std::size_t room = 0; room < 80; room += 8) {
                            auto* lowers_the_stack =
                                static_cast<volatile char*>(__builtin_alloca(room + 1));
                            lowers_the_stack[room] = 1;
                            const greenlet g{[] { check_entry(); }, {.where = placement::nested}};
                            g.switch_to();
                          }
                        },
                        {.where = where}};
    base.switch_to();
    CHECK(base.dead());
  }
}

TEST_CASE_FIXTURE(
    test::nothing_leaks,
    "S27: offshoot_switch keeps each register by itself, between two who wait in it") {
  using offshoot::detail::access;
  using offshoot::detail::control_block;
  control_block* const main = access::block(greenlet::main());
  control_block** const current = &offshoot::detail::thread_state::get().current;
  std::uint64_t changed = 0;
  const auto there_and_back = [&](control_block* to, control_block* from, std::uintptr_t seed) {
    *current = to;
    // Called by the assembly with passage::quiet, which is 0, as its third argument.
    auto* const directly = reinterpret_cast<void (*)(void*, void*, std::uintptr_t)>(
        reinterpret_cast<void (*)()>(&offshoot_switch));
    changed |= call_with_patterns(directly, &to->registers, &from->registers, seed);
  };
  constexpr unsigned rounds = 10;
  unsigned visits = 0;
  const greenlet other{[&] {
                         test::to_parent();
                         control_block* const self = *current;
                         for (unsigned i = 0; i < rounds; ++i) {
                           ++visits;
                           there_and_back(main, self, seed_of(2 * i));
                         }
                       },
                       {.where = placement::dedicated}};
  other.switch_to();
  for (unsigned i = 0; i < rounds; ++i)
    there_and_back(access::block(other), main, seed_of(2 * i + 1));
  CHECK(visits == rounds);
  CHECK(names_of(changed).empty());
  other.switch_to();
  CHECK(other.dead());
}
