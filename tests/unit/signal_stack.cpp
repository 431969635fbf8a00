/// Switches that are tried on a signal handler's alternate stack.
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <signal.h>

#include "support/counted.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_error;
using test::counted;

namespace {

std::function<void()> in_handler;

void handler(int) {
  in_handler();
}

/// Calls `work` in a handler of SIGUSR1 on an alternate stack.
void on_alternate_stack(std::function<void()> work) {
  in_handler = std::move(work);
  std::vector<std::byte> memory(256 * 1024);
  stack_t alternate{};
  alternate.ss_sp = memory.data();
  alternate.ss_size = memory.size();
  stack_t before{};
  REQUIRE(sigaltstack(&alternate, &before) == 0);
  struct sigaction action {};
  action.sa_handler = &handler;
  action.sa_flags = SA_ONSTACK;
  struct sigaction old {};
  REQUIRE(sigaction(SIGUSR1, &action, &old) == 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, &old, nullptr);
  sigaltstack(&before, nullptr);
}

/// What the refused attempt throws; empty if it does not.
std::string refusal(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const greenlet_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S31: a switch from an alternate stack is refused and nothing changes") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    const greenlet waiting{[] { return test::to_parent().get<int>(); }, {.where = where}};
    waiting.switch_to();
    const greenlet unstarted{[](int got) { return got; }, {.where = where}};
    const auto attempts = [&] {
      const greenlet current = greenlet::current();
      on_alternate_stack([&] {
        const auto message = refusal([&] { waiting.switch_to(); });
        CHECK(message.find("alternate stack") != std::string::npos);
        CHECK(refusal([&] { waiting.switch_to(counted(1)); }) == message);
        CHECK(refusal([&] { waiting.throw_in(1); }) == message);
        CHECK(refusal([&] { unstarted.switch_to(1); }) == message);
        CHECK(refusal([&] { unstarted.throw_in(1); }) == message);
        CHECK(greenlet::current() == current);
      });
      CHECK(counted::alive == 0);
      CHECK(greenlet::current() == current);
      CHECK(waiting.active());
      CHECK_FALSE(unstarted.started());
    };
    attempts();
    const greenlet another{attempts, {.where = where}};
    another.switch_to();
    CHECK(another.dead());
    // In a catch block the path is another one.
    try {
      throw 1;
    } catch (int) {
      attempts();
      CHECK(std::current_exception() != nullptr);
    }
    CHECK(waiting.switch_to(3).get<int>() == 3);
    CHECK(unstarted.switch_to(4).get<int>() == 4);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S31: a drop on an alternate stack waits for the next switch") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    counted::reset();
    greenlet victim{[] {
                      const counted local(0);
                      test::to_parent();
                    },
                    {.where = where}};
    victim.switch_to();
    on_alternate_stack([&] { victim.reset(); });
    CHECK(counted::alive == 1);
    greenlet([] {}).switch_to();
    CHECK(counted::alive == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S31: a handler on the greenlet's own stack may switch") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] { test::to_parent(); }, {.where = where}};
    in_handler = [&] { g.switch_to(); };
    struct sigaction action {};
    action.sa_handler = &handler;
    struct sigaction old {};
    REQUIRE(sigaction(SIGUSR1, &action, &old) == 0);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &old, nullptr);
    CHECK(g.active());
  }
}
