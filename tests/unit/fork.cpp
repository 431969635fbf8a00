/// What a forked child can do. The child checks by its exit status: doctest runs in the parent.
#include <offshoot/greenlet.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

#include "support/child.hpp"
#include "support/fixture.hpp"

using offshoot::greenlet;
using test::in_child;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S32: the child goes on switching among the forking thread's greenlets") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::vector<greenlet> all;
    for (int i = 0; i < 40; ++i) {  // more than lanes: some are out
      all.emplace_back(
          [i](int start) {
            int sum = start;
            for (;;) sum += i + test::to_parent(sum).get<int>();
          },
          offshoot::options{.where = where});
      all.back().switch_to(1);
    }
    const int status = in_child([&] {
      for (int round = 1; round <= 1000; ++round) {
        for (int i = 0; i < 40; ++i) {
          const int got = all[static_cast<std::size_t>(i)].switch_to(1).get<int>();
          if (got != 1 + round * (i + 1)) return 1;
        }
      }
      const greenlet fresh{[] { return 5; }, {.where = where}};
      if (fresh.switch_to().get<int>() != 5) return 2;
      all.clear();
      return 0;
    });
    CHECK(status == 0);
    CHECK(all[3].switch_to(1).get<int>() == 5);  // the parent's are as they were
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S32: forked inside a greenlet") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       return in_child([] {
                         const greenlet main = greenlet::main();
                         return main.switch_to(3).get<int>();  // main is in this child too
                       });
                     },
                     {.where = where}};
    const pid_t parent = getpid();
    const int got = g.switch_to().get<int>();
    if (getpid() != parent) {
      g.switch_to(got + 1);
      _exit(98);
    }
    CHECK(got == 4);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S32: in the child those of other threads are dead") {
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};
  greenlet theirs;
  greenlet their_main;
  std::thread other([&] {
    theirs = greenlet{[] { test::to_parent(); }};
    theirs.switch_to();
    their_main = greenlet::main();
    ready = true;
    while (!stop.load()) std::this_thread::yield();
    theirs.reset();
    their_main.reset();
  });
  while (!ready.load()) std::this_thread::yield();
  const int status = in_child([&] {
    if (!theirs.dead() || !their_main.dead()) return 1;
    if (theirs.active()) return 2;
    try {
      theirs.switch_to();
      return 3;
    } catch (const offshoot::wrong_thread&) {
    }
    if (greenlet::main().dead() || !greenlet::main().active()) return 4;
    theirs.reset();
    // A new thread in the child begins with a state of its own.
    int got = 0;
    std::thread([&] { got = greenlet([] { return 7; }).switch_to().get<int>(); }).join();
    return got == 7 ? 0 : 5;
  });
  CHECK(status == 0);
  CHECK_FALSE(theirs.dead());
  stop = true;
  other.join();
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S32: wrong_thread in the child names the child's thread") {
  const greenlet mine{[] { test::to_parent(); }};
  mine.switch_to();
  const int status = in_child([&] {
    const auto owner = "belongs to thread " + std::to_string(getpid());
    bool named = false;
    std::thread([&] {
      try {
        mine.switch_to();
      } catch (const offshoot::wrong_thread& error) {
        named = std::string(error.what()).find(owner) != std::string::npos;
      }
    }).join();
    return named ? 0 : 1;
  });
  CHECK(status == 0);
}
