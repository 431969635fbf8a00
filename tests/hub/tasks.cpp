/// Tasks: results, exceptions, kills, and what happens to those that nobody joins.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/unhandled.hpp"

using offshoot::greenlet;
using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::task;
using offshoot::yield;
using test::hub_leaves_nothing;

namespace {

constexpr std::chrono::hours for_long{1000};

/// Counts its own end.
struct witness {
  int* ends;
  explicit witness(int& count) : ends(&count) {}
  witness(witness&& other) noexcept : ends(std::exchange(other.ends, nullptr)) {}
  ~witness() {
    if (ends != nullptr) ++*ends;
  }
};

std::string unhandled;  // what the handler below was told

void note_unhandled(std::exception_ptr exception, std::string_view name) noexcept {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    unhandled = std::string(name) + ": " + error.what();
  }
}

/// Waits when it goes.
struct polite {
  std::shared_ptr<int> count;
  ~polite() {
    if (count == nullptr) return;
    yield();
    ++*count;
  }
  polite(std::shared_ptr<int> shared) : count(std::move(shared)) {}
  polite(polite&&) noexcept = default;
};

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "join returns the result, once") {
  for (const auto where : test::placements) {
    const auto made = spawn([] { return std::make_unique<int>(42); }, {.where = where});
    CHECK_FALSE(made.done());
    CHECK(*made.join() == 42);
    CHECK(made.done());
    CHECK_THROWS_AS(made.join(), offshoot::greenlet_error);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "join throws the exception, once") {
  const auto failing = spawn([] { throw std::runtime_error("first"); });
  CHECK_THROWS_WITH_AS(failing.join(), "first", std::runtime_error);
  failing.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "several greenlets join one task") {
  int joined = 0;
  const auto slow = spawn([] { sleep_for(std::chrono::milliseconds(2)); });
  std::vector<task<void>> joiners;
  for (int each = 0; each < 5; ++each) {
    joiners.push_back(spawn([slow, &joined] {
      slow.join();
      ++joined;
    }));
  }
  for (const auto& each : joiners) each.join();
  CHECK(joined == 5);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a handle may go while its task is joined through it") {
  auto handle = std::make_unique<task<int>>(spawn([] {
    yield();
    yield();
    return 7;
  }));
  const auto joiner = spawn([&handle] { return handle->join(); });
  yield();  // the joiner waits now
  handle.reset();
  CHECK(joiner.join() == 7);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a killed task unwinds where it waits") {
  int unwound = 0;
  const auto sleeper = spawn([&unwound] {
    const witness seen(unwound);
    sleep_for(for_long);
  });
  yield();
  CHECK(unwound == 0);
  sleeper.kill();
  sleeper.join();
  CHECK(unwound == 1);
  sleeper.kill();  // done already: nothing happens
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task killed before its start never runs") {
  int destroyed = 0;
  bool ran = false;
  const auto unborn = spawn([seen = witness(destroyed), &ran] { ran = true; });
  unborn.kill();
  CHECK(unborn.done());
  CHECK(destroyed == 1);
  unborn.join();
  yield();
  CHECK_FALSE(ran);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a kill is an exception: it can be caught, and comes once") {
  std::string path;
  const auto stubborn = spawn([&path] {
    try {
      sleep_for(for_long);
    } catch (const offshoot::greenlet_exit&) {
      path += "caught ";
    }
    yield();
    path += "went on";
  });
  yield();
  stubborn.kill();
  stubborn.join();
  CHECK(path == "caught went on");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task that is ready is killed too, and one that joins") {
  int unwound = 0;
  const auto busy = spawn([&unwound] {
    const witness seen(unwound);
    for (;;) yield();
  });
  const auto joiner = spawn([busy, &unwound] {
    const witness seen(unwound);
    busy.join();
  });
  yield();
  joiner.kill();
  joiner.join();
  CHECK(unwound == 1);
  busy.kill();
  busy.join();
  CHECK(unwound == 2);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task that kills itself ends there") {
  bool after = false;
  auto own = std::make_shared<task<void>>();
  *own = spawn([own, &after] {
    const task<void> self = std::exchange(*own, task<void>());
    self.kill();
    after = true;
  });
  const task<void> suicide = *own;
  suicide.join();
  CHECK_FALSE(after);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a null function is refused before anything is started") {
  const std::function<void()> none;
  CHECK_THROWS_AS(spawn(none), offshoot::not_startable);
  CHECK_THROWS_AS(spawn(static_cast<void (*)()>(nullptr)), offshoot::not_startable);
  CHECK_THROWS_AS(offshoot::hub::current().post(none), offshoot::not_startable);
  CHECK(offshoot::task_count() == 0);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "joining oneself, an empty handle, and a parent are refused") {
  auto own = std::make_shared<task<void>>();
  *own = spawn([own] { std::exchange(*own, task<void>()).join(); });
  const task<void> selfish = *own;
  CHECK_THROWS_WITH_AS(selfish.join(), "offshoot: a task cannot join itself",
                       offshoot::greenlet_error);
  CHECK_THROWS_AS(task<void>().join(), offshoot::greenlet_error);
  CHECK_THROWS_AS(task<int>().kill(), offshoot::greenlet_error);
  CHECK_THROWS_AS(spawn([] {}, {.parent = greenlet::main()}), offshoot::greenlet_error);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "an exception that nobody joins is reported, and life goes on") {
  const auto before = offshoot::set_unhandled_handler(&note_unhandled);
  unhandled.clear();
  spawn([] { throw std::runtime_error("lost"); }, {.name = "orphan"});
  yield();
  CHECK(unhandled == "orphan: lost");

  unhandled.clear();
  {
    const auto dropped = spawn([] { throw std::runtime_error("late"); });
    yield();
    CHECK(unhandled.empty());
  }
  CHECK(unhandled.starts_with("unnamed, spawned at "));
  CHECK(unhandled.find("tasks.cpp:") != std::string::npos);
  CHECK(unhandled.ends_with(": late"));
  CHECK((offshoot::set_unhandled_handler(before) == &note_unhandled));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task that finds no stack fails alone") {
  const auto impossible =
      spawn([] {}, {.where = offshoot::placement::dedicated, .stack_size = test::too_large});
  const auto possible = spawn([] { return 1; });
  CHECK_THROWS_AS(impossible.join(), offshoot::not_startable);
  CHECK(possible.join() == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a capture in the giver's lane is refused") {
  const auto giver = spawn([] {
    int local = 0;
    spawn([&local] { ++local; });
  });
  CHECK_THROWS_AS(giver.join(), offshoot::dangling_capture);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "so is one that is posted, and a result in the task's own lane") {
  const auto poster = spawn([] {
    int local = 0;
    offshoot::hub::current().post([&local] { ++local; });
  });
  CHECK_THROWS_AS(poster.join(), offshoot::dangling_capture);
  const auto returns_view = spawn([] {
    volatile char text[] = "on the stack";
    return std::string_view(const_cast<const char*>(text), sizeof text);
  });
  CHECK_THROWS_AS(returns_view.join(), offshoot::dangling_capture);
  const auto returns_text = spawn([] { return std::string("short"); });
  CHECK(returns_text.join() == "short");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "captures may wait in their destructors") {
  const auto count = std::make_shared<int>(0);
  const auto made = spawn([capture = polite(count)] {});
  made.join();
  CHECK(*count == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task that never began can be killed again while it goes") {
  const auto count = std::make_shared<int>(0);
  const auto made = spawn([capture = polite(count)] {});
  const auto other = spawn([made] { made.kill(); });
  made.kill();
  CHECK(other.done());
  CHECK(made.done());
  CHECK(*count == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "kill_tasks ends all, also those that unwinding tasks spawn") {
  int unwound = 0;
  bool late_ran = false;
  for (int each = 0; each < 3; ++each) {
    spawn([&unwound] {
      const witness seen(unwound);
      sleep_for(for_long);
    });
  }
  spawn([&late_ran] {
    try {
      sleep_for(for_long);
    } catch (const offshoot::greenlet_exit&) {
      spawn([&late_ran] { late_ran = true; });
      throw;
    }
  });
  yield();
  spawn([&unwound] { ++unwound; });  // has not begun: never will
  offshoot::kill_tasks();
  CHECK(unwound == 3);
  CHECK(offshoot::task_count() == 0);
  CHECK_FALSE(late_ran);
}

namespace {

int made_for_handler = 0;
std::atomic<bool> handler_was_called{false};

void look_at_what_was_made(std::exception_ptr, std::string_view) noexcept {
  // Nothing else that ThreadSanitizer could take for an order between the threads.
  if (made_for_handler == 7) handler_was_called.store(true, std::memory_order_relaxed);
}

}  // namespace

TEST_CASE("an unhandled handler finds on any thread what was made before it was set") {
  const auto ignore = [](std::exception_ptr, std::string_view) noexcept {};
  const auto before = offshoot::set_unhandled_handler(ignore);
  std::thread other([] {
    while (!handler_was_called.load(std::memory_order_relaxed)) {
      offshoot::detail::report_unhandled(nullptr, "");
    }
  });
  made_for_handler = 7;
  offshoot::set_unhandled_handler(&look_at_what_was_made);
  other.join();
  const bool was_set = offshoot::set_unhandled_handler(before) == &look_at_what_was_made;
  CHECK(was_set);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a kill by another thread needs no hub there") {
  const auto sleeper = spawn([] { sleep_for(for_long); });
  yield();
  std::thread([&sleeper] {
    sleeper.kill();
    CHECK_NOTHROW(offshoot::start_hub({}));  // it has none yet
  }).join();
  sleeper.wait();
  CHECK(sleeper.done());
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S24: a task of another thread is refused") {
  const auto sleeper = spawn([] { sleep_for(for_long); });
  yield();
  std::thread([&sleeper] {
    CHECK_THROWS_AS(sleeper.join(), offshoot::wrong_thread);
    CHECK_THROWS_AS(sleeper.wait(), offshoot::wrong_thread);
    CHECK_THROWS_AS(sleeper.when_done([] {}), offshoot::wrong_thread);
  }).join();
  sleeper.kill();
  sleeper.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task's greenlet remembers the line of its spawn") {
  std::uint32_t line = 0;
  const task<void> made = spawn([&line] { line = greenlet::current().spawned_at().line; });
  CHECK(line == 0);
  made.join();
  CHECK(line == __LINE__ - 3);
}
