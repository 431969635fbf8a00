/// Where a greenlet was made, as it remembers it.
#include <offshoot/coroutine.hpp>
#include <offshoot/generator.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <string_view>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::spawn_site;

namespace {

constexpr std::uint32_t here(std::uint32_t line = __builtin_LINE()) {
  return line;
}

/// A function of an application's own that makes greenlets for others.
greenlet make_for_caller(spawn_site site = spawn_site::current()) {
  return greenlet([] {}, {}, site);
}

bool in_this_file(const spawn_site& site) {
  return std::string_view(site.file) == __FILE__;
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks, "a greenlet remembers the line on which it was made") {
  const auto empty = [] {};
  const greenlet plain{empty};
  const greenlet with_options(empty, {.name = "it"});
  const greenlet with_defaults(empty, {});
  const std::uint32_t line = here();
  CHECK(plain.spawned_at().line == line - 3);
  CHECK(with_options.spawned_at().line == line - 2);
  CHECK(with_defaults.spawned_at().line == line - 1);
  CHECK(in_this_file(plain.spawned_at()));
  CHECK(in_this_file(with_options.spawned_at()));
}

TEST_CASE_FIXTURE(test::nothing_leaks, "whoever makes greenlets for others can pass the line on") {
  const greenlet made = make_for_caller();
  CHECK(made.spawned_at().line == here() - 1);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "the body of a generator or coroutine knows whose it is") {
  spawn_site seen("", 0);
  const auto look = [&seen](auto&) { seen = greenlet::current().spawned_at(); };

  offshoot::generator<int> none{look};
  CHECK(none.begin() == none.end());
  CHECK(in_this_file(seen));
  CHECK(seen.line == here() - 3);

  offshoot::coroutine<void()> once{look};
  once();
  CHECK(in_this_file(seen));
  CHECK(seen.line == here() - 3);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "a main greenlet was made nowhere, and S2 holds") {
  CHECK(greenlet::main().spawned_at().line == 0);
  CHECK(std::string_view(greenlet::main().spawned_at().file).empty());
  CHECK_THROWS_AS(static_cast<void>(greenlet().spawned_at()), offshoot::greenlet_error);
}
