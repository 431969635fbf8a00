/// The lives of tasks together: callbacks, waiting for several, groups, pools, variables of their
/// own, kills from elsewhere.
#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::event;
using offshoot::greenlet_local;
using offshoot::group;
using offshoot::join_all;
using offshoot::pool;
using offshoot::sleep_for;
using offshoot::spawn;
using offshoot::task;
using offshoot::yield;
using test::hub_leaves_nothing;

namespace {

std::vector<std::string> unhandled;
std::string failed;  // the last of them

void note_unhandled(std::exception_ptr exception, std::string_view name) noexcept {
  failed = name;
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    unhandled.emplace_back(error.what());
  }
}

/// Collects what goes to the unhandled handler.
struct unhandled_noted {
  unhandled_noted() {
    unhandled.clear();
    offshoot::set_unhandled_handler(&note_unhandled);
  }
  ~unhandled_noted() { offshoot::set_unhandled_handler(nullptr); }
};

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(what);
}

void sleep_for_ever() {
  sleep_for(1000h);
}

/// One that sleeps for ever, and says when it is killed.
void spawn_sleeper(group& members, bool& killed) {
  members.spawn([&killed] {
    try {
      sleep_for_ever();
    } catch (const offshoot::greenlet_exit&) {
      killed = true;
      throw;
    }
  });
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task can be waited for without taking its result") {
  const auto made = spawn([] {
    sleep_for(2ms);
    return 5;
  });
  CHECK_FALSE(made.wait_for(10us));
  made.wait();
  CHECK(made.wait_for(-1s));
  CHECK(made.join() == 5);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "callbacks are called once, in order, however a task ends") {
  const unhandled_noted noted;
  for (const int how : {0, 1, 2, 3}) {
    CAPTURE(how);
    std::string path;
    const auto made = spawn([how] {
      yield();
      if (how == 1) fail("failed");
      if (how == 2) sleep_for_ever();
    });
    made.when_done([&path] { path += "one "; });
    made.when_done([&path] { path += "two "; });
    made.when_done([] { fail("callback"); });
    if (how != 3) {
      for (int each = 0; each < 5; ++each) yield();
    }
    made.kill();
    made.wait();
    CHECK(path == "one two ");
    made.when_done([&path] { path += "late"; });
    CHECK(path == "one two late");
    if (how == 1) CHECK_THROWS_AS(made.join(), std::runtime_error);
  }
  CHECK(unhandled == std::vector<std::string>(4, "callback"));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what a late callback throws goes to the handler, too") {
  const unhandled_noted noted;
  const auto made = spawn([] {});
  made.join();
  made.when_done([] { fail("late"); });
  CHECK(unhandled == std::vector<std::string>{"late"});
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "all are joined, and the first failure is thrown at the end") {
  std::vector<task<int>> tasks;
  for (int each = 0; each < 5; ++each) {
    tasks.push_back(spawn([each] {
      sleep_for(std::chrono::microseconds(500 - 100 * each));
      return each;
    }));
  }
  CHECK(join_all(tasks) == std::vector{0, 1, 2, 3, 4});
  bool ended = false;
  const std::vector mixed{spawn([] { fail("early"); }), spawn([&ended] {
                            sleep_for(1ms);
                            ended = true;
                          })};
  CHECK_THROWS_WITH(join_all(mixed), "early");
  CHECK(ended);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a task can be killed from another thread") {
  const auto victim = spawn(sleep_for_ever);
  const offshoot::hub here = offshoot::hub::current();  // work may come
  std::thread other([&victim] {
    CHECK_THROWS_AS(victim.join(), offshoot::wrong_thread);
    victim.kill();
  });
  victim.join();
  other.join();
  CHECK(victim.done());
  std::thread([&victim] { victim.kill(); }).join();  // done already: nothing happens
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a kill by another thread reaches who kills all others meanwhile") {
  bool lived_on = false;
  const auto victim = std::make_shared<offshoot::task<void>>();
  *victim = spawn([&lived_on, victim] {
    const offshoot::task<void> self = std::exchange(*victim, {});
    std::thread([&self] { self.kill(); }).join();
    const std::size_t before = offshoot::task_count();
    while (offshoot::task_count() == before) offshoot::yield();  // were the kill a task
    offshoot::kill_tasks();
    lived_on = true;
  });
  const auto dog = spawn([&lived_on, watched = *victim] { lived_on = !watched.wait_for(30s); });
  victim->wait();
  CHECK_FALSE(lived_on);
  dog.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "leaving the scope of a group waits for its tasks") {
  int ended = 0;
  {
    group members;
    for (int each = 0; each < 3; ++each) {
      members.spawn([&ended] {
        sleep_for(100us);
        ++ended;
      });
    }
    CHECK(members.size() == 3);
  }
  CHECK(ended == 3);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "leaving it by an exception kills them first") {
  bool killed = false;
  const auto leave = [&killed] {
    group members;
    spawn_sleeper(members, killed);
    yield();
    fail("body");
  };
  CHECK_THROWS_WITH(leave(), "body");
  CHECK(killed);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "when one of a group fails the others are killed") {
  const unhandled_noted noted;
  group members;
  const auto other = members.spawn(sleep_for_ever);
  members.spawn([] {
    yield();
    fail("member");
  });
  CHECK_THROWS_WITH(members.join(), "member");
  CHECK(other.done());
  CHECK(members.size() == 0);
  bool ran = false;
  members.spawn([&ran] { ran = true; });  // it has begun anew
  members.join();
  CHECK(ran);
  {
    group dropped;
    dropped.spawn([] { fail("nobody asks"); }, {.name = "member"});
  }
  CHECK(failed == "member");
  CHECK(unhandled == std::vector<std::string>{"nobody asks"});
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who waits for a group and is ended takes it with them") {
  for (const bool by_kill : {true, false}) {
    CAPTURE(by_kill);
    const auto killed = std::make_shared<int>(0);
    const auto waiting = spawn(
        [killed, by_kill] {
          const offshoot::timeout limit(by_kill ? 1h : std::chrono::nanoseconds(1ms));
          {
            group members;  // its destructor waits, and does not throw
            for (int each = 0; each < 2; ++each) {
              members.spawn([killed] {
                try {
                  sleep_for_ever();
                } catch (const offshoot::greenlet_exit&) {
                  for (int more = 0; more < 3; ++more) yield();
                  ++*killed;
                  throw;
                }
              });
            }
          }
          CHECK(*killed == 2);
          yield();  // raised here
          FAIL_CHECK("neither killed nor timed out");
        },
        {.where = offshoot::placement::dedicated});
    yield();
    yield();
    if (by_kill) {
      waiting.kill();
      waiting.join();
    } else {
      CHECK_THROWS_AS(waiting.join(), offshoot::timed_out);
    }
    CHECK(*killed == 2);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a kill while the scope of a group unwinds is not lost") {
  bool survived = false;
  event unwinding;
  event go;
  const auto waiting = spawn([&] {
    const offshoot::timeout limit(1ms);
    {
      group members;
      members.spawn([&] {
        try {
          sleep_for_ever();
        } catch (const offshoot::greenlet_exit&) {
          unwinding.set();
          go.wait();
          throw;
        }
      });
    }
    try {
      yield();
    } catch (const offshoot::timed_out&) {
    }
    yield();
    survived = true;
  });
  unwinding.wait();
  waiting.kill();
  go.set();
  waiting.join();
  CHECK_FALSE(survived);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a time-out that ends a group's last wait is not raised outside of its scope") {
  bool killed = false;
  CHECK(offshoot::with_timeout(1ms, [&killed] {
    group members;
    spawn_sleeper(members, killed);
  }));
  CHECK(killed);
  CHECK_NOTHROW(yield());
  CHECK_NOTHROW(sleep_for(10us));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "members may leave a group while it kills them") {
  struct leaves_slowly {
    std::shared_ptr<int> rounds;
    leaves_slowly(std::shared_ptr<int> shared) : rounds(std::move(shared)) {}
    leaves_slowly(leaves_slowly&&) noexcept = default;
    ~leaves_slowly() {
      for (int each = 0; rounds != nullptr && each < *rounds; ++each) yield();
    }
  };
  group members;
  int ran = 0;
  bool killed = false;
  const auto sleeper = members.spawn([&killed] {
    try {
      sleep_for_ever();
    } catch (const offshoot::greenlet_exit&) {
      yield();
      killed = true;
      throw;
    }
  });
  yield();
  yield();
  members.spawn([captured = leaves_slowly(std::make_shared<int>(10))] {});
  for (int each = 0; each < 3; ++each) members.spawn([&ran] { ++ran; });
  members.spawn(sleep_for_ever);
  members.kill();  // the destructor of the capture waits, and others end meanwhile
  CHECK(ran == 3);
  members.join();
  CHECK(members.size() == 0);
  CHECK(killed);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a killed group kills what is spawned into it") {
  group members;
  bool ran = false;
  members.kill();
  const auto late = members.spawn([&ran] { ran = true; });
  CHECK(late.done());
  members.join();
  CHECK_FALSE(ran);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a pool has room for so many tasks") {
  pool workers(3);
  int now = 0;
  int most = 0;
  for (int each = 0; each < 10; ++each) {
    workers.spawn([&now, &most] {
      most = std::max(most, ++now);
      for (int turn = 0; turn < 3; ++turn) yield();
      --now;
    });
  }
  CHECK(workers.size() <= 3);
  workers.join();
  CHECK(most == 3);
  CHECK(workers.available() == 3);
  CHECK_THROWS_AS(pool(0), std::invalid_argument);
  for (int each = 0; each < 3; ++each) workers.spawn(sleep_for_ever);
  CHECK(workers.available() == 0);
  workers.kill();  // before they begin
  CHECK(workers.available() == 3);
  workers.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a pool maps, in order") {
  pool workers(2);
  const std::vector items{5, 1, 3, 2, 4};
  CHECK(workers.map(items, [](int item) {
    for (int turn = 0; turn < item; ++turn) yield();
    return std::to_string(item);
  }) == std::vector<std::string>{"5", "1", "3", "2", "4"});
  int sum = 0;
  workers.map(items, [&sum](int item) { sum += item; });
  CHECK(sum == 15);
  std::vector<std::unique_ptr<int>> owned;
  owned.push_back(std::make_unique<int>(7));
  CHECK(workers.map(std::move(owned), [](std::unique_ptr<int> item) { return *item; }) ==
        std::vector{7});
  CHECK_THROWS_WITH(
      workers.map(items, [](int item) { return item == 3 ? fail("three"), 0 : item; }), "three");
  CHECK(workers.available() == 2);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what a pool is given is looked at as what spawn is") {
  pool workers(1);
  CHECK(test::refuses_a_local([&workers](int& local) {
    workers.map(std::vector{1}, [&local](int item) { local += item; });
  }));
  CHECK(test::refuses_a_local([&workers](int& local) { workers.spawn([to = &local] { ++*to; }); }));
#ifndef __clang__  // which takes what could be padded for doubtful: docs/safety.md
  CHECK(test::refuses_a_local(
      [&workers](int& local) { workers.map(std::vector{&local}, [](int* item) { ++*item; }); }));
  CHECK(test::refuses_a_local(
      [&workers](int& local) { workers.spawn([&local, up = true] { local += up ? 1 : -1; }); }));
#endif
  workers.join();
  CHECK(workers.available() == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who waits for a pool and is ended leaves no place taken") {
  pool workers(1);
  const auto wait_for_place = [&] { workers.spawn([] {}); };
  const auto map = [&] { workers.map(std::vector{1, 2}, [](int) { sleep_for_ever(); }); };

  const auto busy = workers.spawn(sleep_for_ever);
  for (const auto& waiting : {spawn(wait_for_place), spawn(map)}) {
    yield();
    waiting.kill();
    waiting.wait();
  }
  CHECK_FALSE(offshoot::with_timeout(1ms, wait_for_place));
  CHECK_FALSE(offshoot::with_timeout(1ms, map));
  busy.kill();
  busy.wait();
  CHECK(workers.available() == 1);

  const auto mapping = spawn(map);  // one call begun, one waiting for its place
  while (workers.available() != 0) yield();
  mapping.kill();
  mapping.wait();
  CHECK_FALSE(offshoot::with_timeout(1ms, map));
  yield();
  CHECK(workers.available() == 1);
  workers.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "each greenlet has its own value of a greenlet_local") {
  const greenlet_local<std::shared_ptr<int>> mine;
  const auto alive = std::make_shared<int>(1);
  mine.get() = alive;
  const auto task = spawn(
      [&mine, &alive] {
        CHECK(*mine == nullptr);
        mine.get() = alive;
        yield();
        CHECK(alive.use_count() == 3);
      },
      {.where = offshoot::placement::dedicated});
  yield();
  CHECK(*mine == alive);
  task.join();
  CHECK(alive.use_count() == 2);
  {
    const offshoot::greenlet plain{[&mine, &alive] { *mine = alive; }};
    plain.switch_to();
    CHECK(alive.use_count() == 2);
  }
  mine.reset();
  CHECK(alive.use_count() == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "would_block_forever names who waits for what") {
  offshoot::mutex exclusive;
  const auto holder = spawn(
      [&exclusive] {
        exclusive.lock();
        event never_set;
        never_set.wait();
      },
      {.where = offshoot::placement::dedicated, .name = "holder"});
  const auto waiting = spawn([&exclusive] { exclusive.lock(); }, {.name = "waiting"});
  std::string message;
  try {
    waiting.join();
  } catch (const offshoot::would_block_forever& error) {
    message = error.what();
  }
  const auto has = [&message](const char* words) {
    return message.find(words) != std::string::npos;
  };
  CHECK_MESSAGE(has("main greenlet #1"), message);
  CHECK_MESSAGE(has("waits for the end of a task, 'waiting'"), message);
  CHECK_MESSAGE(has("greenlet 'holder' #"), message);
  CHECK_MESSAGE(has("life.cpp:"), message);
  CHECK_MESSAGE(has("waits for an event"), message);
  CHECK_MESSAGE(has("waits for a mutex, which is with greenlet 'holder'"), message);
  waiting.kill();
  holder.kill();
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "would_block_forever: an owner that has ended is named by its number") {
  offshoot::mutex exclusive;
  const std::uint64_t owner = spawn([&exclusive] {
                                exclusive.lock();
                                return offshoot::greenlet::current().id();
                              }).join();
  const auto waiting = spawn([&exclusive] { exclusive.lock(); });
  std::string message;
  try {
    waiting.join();
  } catch (const offshoot::would_block_forever& error) {
    message = error.what();
  }
  const std::string words =
      "waits for a mutex, which is with greenlet #" + std::to_string(owner) + ", which has ended";
  CHECK_MESSAGE(message.find(words) != std::string::npos, message);
  waiting.kill();
}
