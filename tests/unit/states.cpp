/// The states of a greenlet and of a handle.
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_error;

TEST_CASE_FIXTURE(test::nothing_leaks, "S1: unstarted, running, suspended, finished") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    greenlet g{[] {
                 const greenlet self = greenlet::current();
                 CHECK(self.started());
                 CHECK(self.active());
                 CHECK_FALSE(self.dead());
               },
               {.where = where}};
    CHECK_FALSE(g.started());
    CHECK_FALSE(g.active());
    CHECK_FALSE(g.dead());
    g.switch_to();
    CHECK(g.started());
    CHECK_FALSE(g.active());
    CHECK(g.dead());

    const greenlet waiting{[] { test::to_parent(); }, {.where = where}};
    waiting.switch_to();
    CHECK(waiting.started());
    CHECK(waiting.active());
    CHECK_FALSE(waiting.dead());
    waiting.switch_to();
    CHECK(waiting.started());
    CHECK_FALSE(waiting.active());
    CHECK(waiting.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S1: the main greenlet is always active") {
  const greenlet main = greenlet::main();
  CHECK(main == greenlet::current());
  CHECK(main.started());
  CHECK(main.active());
  CHECK_FALSE(main.dead());
  CHECK_FALSE(main.parent());
  const greenlet other{[&] {
    CHECK(greenlet::main() == main);
    CHECK(greenlet::current() != main);
    CHECK(main.active());
  }};
  other.switch_to();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S2: every call on an empty handle throws") {
  const greenlet empty;
  greenlet full{[] {}};
  const greenlet target = std::move(full);
  CHECK(target);
  for (const greenlet& handle : {std::as_const(empty), std::as_const(full)}) {
    CHECK_FALSE(handle);
    CHECK_THROWS_AS(handle.switch_to(), greenlet_error);
    CHECK_THROWS_AS(handle.switch_to(1, 2), greenlet_error);
    CHECK_THROWS_AS(handle.throw_in(), greenlet_error);
    CHECK_THROWS_AS(handle.throw_in(1), greenlet_error);
    CHECK_THROWS_AS(handle.parent(), greenlet_error);
    CHECK_THROWS_AS(handle.set_parent(target), greenlet_error);
    CHECK_THROWS_AS(target.set_parent(handle), greenlet_error);
    CHECK_THROWS_AS(handle.started(), greenlet_error);
    CHECK_THROWS_AS(handle.active(), greenlet_error);
    CHECK_THROWS_AS(handle.dead(), greenlet_error);
    CHECK_THROWS_AS(handle.name(), greenlet_error);
    CHECK_THROWS_AS(handle.id(), greenlet_error);
    CHECK_THROWS_AS(handle.where(), greenlet_error);
    CHECK_THROWS_AS(handle.stack_saved_bytes(), greenlet_error);
    CHECK(handle == greenlet{});
    CHECK(handle != target);
  }
  CHECK(target.parent() == greenlet::main());  // the refused calls changed nothing
  CHECK_FALSE(target.started());
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S2: handles share ownership") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    bool unwound = false;
    struct note {
      bool& unwound;
      ~note() { unwound = true; }
    };
    greenlet one{[&unwound] {
                   const note at_end{unwound};
                   test::to_parent();
                 },
                 {.where = where, .name = "shared"}};
    one.switch_to();
    greenlet two = one;
    CHECK(one == two);
    one.reset();
    CHECK_FALSE(one);
    CHECK_FALSE(unwound);
    CHECK(two.active());
    one = std::move(two);
    CHECK_FALSE(unwound);
    one.swap(two);
    CHECK(two.name() == "shared");
    CHECK_FALSE(one);
    two = greenlet{};
    CHECK(unwound);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S2: ids are never used twice, names and placements stay") {
  std::vector<std::uint64_t> ids;
  for (int round = 0; round < 3; ++round) {
    for (const auto where : test::placements) {
      const greenlet g{[] {}, {.where = where, .name = "a name"}};
      CHECK(g.id() != 0);
      for (const auto id : ids) CHECK(id != g.id());
      ids.push_back(g.id());
      CHECK(g.name() == "a name");
      CHECK(g.where() == where);
      g.switch_to();
      CHECK(g.id() == ids.back());
      CHECK(g.name() == "a name");
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S2: a null run function cannot be started and is refused") {
  void (*null_pointer)() = nullptr;
  CHECK_THROWS_AS(greenlet{null_pointer}, offshoot::not_startable);
  CHECK_THROWS_AS(greenlet{std::function<void()>{}}, offshoot::not_startable);
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S3: a run function lies where its type wants to lie") {
  struct alignas(256) wide {
    unsigned char bytes[256] = {};
    bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % 256 == 0; }
  };
  std::vector<greenlet> all;  // alive at once, for one may be aligned by chance
  for (int i = 0; i < 16; ++i) {
    all.emplace_back([mine = wide()] { return mine.aligned(); });
    CHECK(all.back().switch_to().get<bool>());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S2: a name is kept, up to 4096 bytes of it, beside a run function of any sort") {
  struct alignas(256) wide {
    unsigned char bytes[256] = {};
  };
  for (const std::size_t length : {1U, 8U, 9U, 24U, 4096U, 5000U}) {
    CAPTURE(length);
    std::string name(length, 'n');
    name[length / 2] = '\0';
    const auto kept = std::string_view(name).substr(0, 4096);
    const greenlet narrow{[length] { return length; }, {.name = name}};
    const greenlet aligned{
        [mine = wide()] { return reinterpret_cast<std::uintptr_t>(&mine) % 256 == 0; },
        {.name = name}};
    CHECK(narrow.name() == kept);
    CHECK(aligned.name() == kept);
    CHECK(narrow.switch_to().get<std::size_t>() == length);
    CHECK(aligned.switch_to().get<bool>());
    CHECK(narrow.name() == kept);
  }
}
