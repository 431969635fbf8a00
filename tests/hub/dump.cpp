/// The tree of greenlets as a text.
#include <offshoot/coroutine.hpp>

#include <chrono>
#include <string>
#include <thread>

#include "hub/fixture.hpp"
#include "hub/output.hpp"

using namespace std::chrono_literals;
using offshoot::greenlet;
using offshoot::placement;
using offshoot::spawn;
using test::hub_leaves_nothing;
using test::matches;

extern "C" {
[[gnu::used, gnu::noinline]] void wait_in_dump(offshoot::event* rung) {
  rung->wait();
  asm volatile("");
}
[[gnu::used, gnu::noinline]] void ask_for_dump(int fd) {
  offshoot::dump(fd);
  asm volatile("");
}
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "dump: who waits for what, where, below its parent") {
  const test::output written;
  offshoot::event rung;
  offshoot::mutex exclusive;
  const auto holder = spawn(
      [&] {
        const std::lock_guard hold(exclusive);
        wait_in_dump(&rung);
      },
      {.where = placement::dedicated, .name = "holder"});
  const auto second = spawn([&] { const std::lock_guard hold(exclusive); },
                            {.where = placement::dedicated, .name = "second"});
  const auto host = spawn(
      [&] {
        const greenlet child([] { test::to_parent(); }, {.name = "child"});
        child.switch_to();
        rung.wait();
        child.switch_to();
      },
      {.where = placement::dedicated, .name = "host"});
  const auto joins = spawn([holder] { holder.wait(); }, {.name = "joins"});
  const auto ready = spawn([] { offshoot::yield(); }, {.name = "ready"});
  offshoot::yield();
  const auto unborn = spawn([] {}, {.name = "unborn"});
  ask_for_dump(written.fd);
  const std::string text = written.text();
  CAPTURE(text);

  CHECK(matches(text, R"(^main greenlet #\d+, runs\n    #0 ask_for_dump\+)"));
  CHECK(matches(text,
                R"(^  greenlet 'hub' #\d+ \(dedicated\), spawned at .*, suspended\n      #0 )"));
  CHECK(matches(text, R"(^    greenlet 'holder' #\d+ \(dedicated\), spawned at .*dump.cpp:\d+, )"
                      R"(waits for an event\n(        #\d+ .*\n)*        #\d+ wait_in_dump\+)"));
  CHECK(matches(text, R"(^    greenlet 'second' .*, waits for a mutex, which is with greenlet )"
                      R"('holder' #\d+\n)"));
  CHECK(matches(text, R"(^    greenlet 'joins' .*, waits for the end of a task, 'holder'\n)"));
  CHECK(matches(text, R"(^    greenlet 'ready' .*, ready to run\n)"));
  // In the order in which they began, each child right behind its parent's frames.
  CHECK(matches(text, R"('second' (.*\n)*    greenlet 'host' .*, waits for an event\n)"
                      R"((        #.*\n)+      greenlet 'child' .*, suspended\n(          #.*\n)+)"
                      R"(    greenlet 'joins')"));
  CHECK(matches(text, R"(\n1 more have not begun\n$)"));
  CHECK_FALSE(matches(text, "'unborn'"));

  rung.set();
  join_all(std::vector<offshoot::task<void>>{holder, second, host, joins, ready, unborn});
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "dump: finds those that are out of their lane") {
  const test::output written;
  offshoot::event rung;
  offshoot::group all;
  constexpr int tasks = 40;
  for (int each = 0; each < tasks; ++each) all.spawn([&] { wait_in_dump(&rung); });
  offshoot::yield();
  offshoot::dump(written.fd);
  const std::string text = written.text();
  CAPTURE(text);
  int found = 0;
  for (auto at = text.find("wait_in_dump+"); at != std::string::npos;
       at = text.find("wait_in_dump+", at + 1)) {
    ++found;
  }
  CHECK(found == tasks);
  rung.set();
  all.join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "dump: of threads without a hub, or without greenlets") {
  const test::output written;
  std::thread([&] { offshoot::dump(written.fd); }).join();
  CHECK(matches(written.text(), "^no greenlets"));
  std::thread([&] {
    const greenlet waits([] { test::to_parent(); }, {.name = "waits"});
    waits.switch_to();
    offshoot::dump(written.fd);
    waits.switch_to();
  }).join();
  CHECK(matches(written.text(), R"(^main greenlet #\d+, runs\n(    #.*\n)+)"
                                R"(  greenlet 'waits' .*, suspended\n)"));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "dump: a circle of parents hangs below the main greenlet") {
  const test::output written;
  greenlet consumer;
  greenlet child;
  offshoot::coroutine<void()> body(
      [&](auto& self) {
        consumer = greenlet(
            [&] {
              child = greenlet([] { test::to_parent(); }, {.name = "child"});
              child.switch_to();
              body();
              greenlet::main().switch_to();
            },
            {.name = "consumer"});
        self.yield();
        offshoot::dump(written.fd);  // for the consumer, whose parent this is
        self.yield();
      },
      {.name = "body"});
  body();
  consumer.switch_to();
  child.reset();  // which would keep its parent
  consumer.reset();
  const std::string text = written.text();
  CAPTURE(text);
  const std::string frames = R"((    +#.*\n)*)";
  const auto line = [&](const char* before, const char* name) {
    return before + std::string("greenlet '") + name + "' .*\\n" + frames;
  };
  const std::string body_first =
      "^" + line("  ", "body") + line("    ", "consumer") + line("      ", "child");
  const std::string consumer_first =
      "^" + line("  ", "consumer") + line("    ", "body") + line("    ", "child");
  CHECK((matches(text, body_first) || matches(text, consumer_first)));
}
