/// Who holds a thread is reported, and a dump comes although somebody does. Nothing here takes a
/// certain time: who blocks goes on until it is reported.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/block_detector.hpp"
#include "hub/fixture.hpp"
#include "hub/output.hpp"
#include "hub/scheduler.hpp"
#include "support/child.hpp"

using namespace std::chrono_literals;
using offshoot::blocking_report;
using offshoot::greenlet;
using offshoot::hub_monitor;
using offshoot::placement;
using offshoot::spawn;
using offshoot::detail::block_detector;
using test::hub_leaves_nothing;
using test::matches;

namespace {

/// Goes on with `act` until `done` or, for a test that fails, a minute is over.
template <class Act, class Done>
[[gnu::noinline]] bool go_on_until(Act act, Done done) {
  const auto end = std::chrono::steady_clock::now() + 1min;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    act();
  }
  return true;
}
constexpr auto nothing = [] {};

/// Finds on a thread of its own whether something is done, once somebody waits for it, who does
/// nothing else: where libc has no unwinding tables, a trace of who is interrupted there ends
/// there.
class watcher {
 public:
  template <class Done>
  explicit watcher(Done done)
      : thread_([this, done] {
          const auto look_now_and_then = [] { std::this_thread::sleep_for(1ms); };
          found_ = go_on_until(look_now_and_then, [this] { return begun_.load(); }) &&
                   go_on_until(look_now_and_then, done);
          over_ = true;
        }) {}
  ~watcher() { thread_.join(); }
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;

  /// Holds the thread until then. False: it did not come about within a minute.
  bool spin() {
    begun_ = true;
    while (!over_) continue;
    return found_;
  }

 private:
  std::atomic<bool> begun_{false};
  std::atomic<bool> over_{false};
  std::atomic<bool> found_{false};
  std::thread thread_;
};

bool is_default(int signal) {
  struct sigaction found {};
  sigaction(signal, nullptr, &found);
  return (found.sa_flags & SA_SIGINFO) == 0 && found.sa_handler == SIG_DFL;
}

}  // namespace

extern "C" {
[[gnu::used, gnu::noinline]] bool block_until_reported(watcher* reported) {
  const bool found = reported->spin();
  asm volatile("");
  return found;
}
[[gnu::used, gnu::noinline]] bool block_until_dumped(watcher* dumped) {
  const bool found = dumped->spin();
  asm volatile("");
  return found;
}
}

TEST_CASE("who holds the thread is found once, by looks that come in time") {
  block_detector detector(100, 50);
  CHECK_FALSE(detector.look(1000, 7, false));  // the first sees only where it is
  CHECK_FALSE(detector.look(1050, 7, false));
  CHECK_FALSE(detector.look(1099, 7, false));
  CHECK(detector.look(1100, 7, false));
  CHECK(detector.held() == 100);
  CHECK_FALSE(detector.look(1150, 7, false));  // told already
  CHECK_FALSE(detector.look(1200, 8, false));  // it has moved
  CHECK_FALSE(detector.look(1250, 8, false));
  CHECK(detector.look(1300, 8, false));
}

TEST_CASE("a hub that sleeps or moves is not held, and a gap between looks does not count") {
  block_detector detector(100, 20);
  for (offshoot::detail::instant now = 0; now < 1000; now += 20) {
    CHECK_FALSE(detector.look(now, 1, true));
    CHECK_FALSE(detector.look(now, static_cast<std::uint64_t>(now), false));
  }
  CHECK_FALSE(detector.look(5000, 1, false));
  CHECK_FALSE(detector.look(5020, 1, false));
  CHECK_FALSE(detector.look(9000, 1, false));  // 40 of these count
  CHECK_FALSE(detector.look(9020, 1, false));
  CHECK(detector.look(9040, 1, false));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "other threads see that a hub sleeps") {
  const auto box = offshoot::detail::scheduler::here().post_box();
  const auto rung = std::make_shared<offshoot::event>();
  bool slept = false;
  std::thread other([box, rung, hub = offshoot::hub::current(), &slept] {
    slept = go_on_until([] { std::this_thread::yield(); }, [&] { return box->asleep(); });
    hub.post([rung] { rung->set(); });
  });
  rung->wait();
  other.join();
  CHECK(slept);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a greenlet that holds its thread is reported: who, and where") {
  const test::output written;
  {
    const hub_monitor monitor({.max_blocking_time = 5ms, .fd = written.fd});
    // A busy machine may have stopped others for long enough as well.
    watcher reported([&] { return matches(written.text(), "^greenlet 'blocks'"); });
    const auto blocks = spawn([&] { return block_until_reported(&reported); }, {.name = "blocks"});
    CHECK(blocks.join());
    CHECK(monitor.reports() >= 1);
  }
  const std::string text = written.text();
  CAPTURE(text);
  CHECK(matches(text, R"(^offshoot: a greenlet has held its thread for \d+ ms:\n)"
                      R"(greenlet 'blocks' #\d+ \(lane\), spawned at .*monitor.cpp:\d+, runs\n)"
                      R"((    #\d+ .*\n)*    #\d+ block_until_reported\+)"));
  CHECK(is_default(SIGURG));
}

TEST_CASE_FIXTURE(
    hub_leaves_nothing,
    "a callback gets the report, on the monitor's thread; dumps go to the descriptor") {
  const test::output written;
  std::vector<blocking_report> got;
  std::atomic<std::uint64_t> latest = 0;
  std::atomic<bool> blocks_told = false;
  std::thread::id called_on;
  constexpr std::uint32_t line = __LINE__ + 13;
  std::uint64_t nameless = 0;
  {
    const hub_monitor monitor({.max_blocking_time = 5ms,
                               .dump_signal = SIGUSR2,
                               .fd = written.fd,
                               .on_report = [&](const blocking_report& report) {
                                 got.push_back(report);
                                 called_on = std::this_thread::get_id();
                                 if (report.name == "blocks") blocks_told = true;
                                 latest = report.id;
                               }});
    watcher reported([&] { return blocks_told.load(); });
    const auto blocks = spawn([&] { return block_until_reported(&reported); }, {.name = "blocks"});
    CHECK(blocks.join());  // it held the thread until the callback was done
    const auto second = spawn([&] {
      nameless = offshoot::greenlet::current().id();
      return go_on_until(nothing, [&] { return latest == nameless; });
    });
    CHECK(second.join());
    kill(getpid(), SIGUSR2);
    CHECK(go_on_until([] { offshoot::sleep_for(1ms); }, [&] { return written.text() != ""; }));
  }
  CHECK(called_on != std::thread::id());
  CHECK(called_on != std::this_thread::get_id());
  CHECK_FALSE(matches(written.text(), "held its thread"));

  const auto of_blocks =
      std::find_if(got.begin(), got.end(), [](const auto& each) { return each.name == "blocks"; });
  REQUIRE(of_blocks != got.end());
  const blocking_report& first = *of_blocks;
  CHECK(first.name == "blocks");
  CHECK(std::string(first.site.file) == __FILE__);
  CHECK(first.site.line == line);
  CHECK(first.held >= 5ms);
  CAPTURE(first.text);
  CHECK(matches(first.text, R"(^offshoot: a greenlet has held its thread for \d+ ms:\n)"
                            R"(greenlet 'blocks' #\d+ \(lane\), spawned at .*, runs\n)"
                            R"((    #\d+ .*\n)*    #\d+ block_until_reported\+)"));
  CHECK(matches(first.text, "^greenlet 'blocks' #" + std::to_string(first.id) + " "));

  // A later one has nothing of it.
  const auto later =
      std::find_if(got.begin(), got.end(), [&](const auto& each) { return each.id == nameless; });
  REQUIRE(later != got.end());
  CHECK(later->name == "");
  CHECK(later->text.find("offshoot: a greenlet has held") == 0);
  CHECK(matches(later->text, "^greenlet #" + std::to_string(nameless) + " "));
  CHECK_FALSE(matches(later->text, "'blocks'"));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a report that is put down when the monitor ends is given") {
  int calls = 0;
  {
    // Looks come every 50 ms. The signal ends the poll, and the monitor goes before the next.
    const hub_monitor monitor(
        {.max_blocking_time = 100ms, .on_report = [&](const blocking_report&) { ++calls; }});
    spawn([] { ::poll(nullptr, 0, 5000); }).join();
  }
  CHECK(calls >= 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "what a callback throws is unhandled, and it is called again") {
  static std::atomic<int> unhandled;
  unhandled = 0;
  const auto before = offshoot::set_unhandled_handler(
      [](std::exception_ptr, std::string_view who) noexcept { unhandled += who == "monitor"; });
  {
    const hub_monitor monitor({.max_blocking_time = 1ms, .on_report = [](const blocking_report&) {
                                 throw std::runtime_error("no room");
                               }});
    for (std::uint64_t times = 1; times <= 2; ++times) {
      CHECK(spawn([&] {
              return go_on_until(nothing, [&] { return monitor.reports() >= times; });
            }).join());
    }
    CHECK(monitor.reports() >= 2);
  }
  offshoot::set_unhandled_handler(before);
  CHECK(unhandled >= 2);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a callback that refers to a lane is refused") {
  CHECK(test::refuses_a_local([](int& local) {
    const hub_monitor monitor({.on_report = [&local](const blocking_report&) { local = 1; }});
  }));
  CHECK(is_default(SIGURG));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "so is one that switches, but not by the hub; and dumped") {
  // By registers alone, and with copies: signals come amidst either.
  for (const auto where : {placement::dedicated, placement::nested}) {
    for (int round = 0; round < 20; ++round) {
      const test::output written;
      const hub_monitor monitor(
          {.max_blocking_time = 1ms, .dump_signal = SIGUSR2, .fd = written.fd});
      const auto blocks = spawn(
          [&monitor, &written, where] {
            const greenlet inner(
                [] {
                  for (;;) test::to_parent();
                },
                {.where = where, .name = "inner"});
            kill(getpid(), SIGUSR2);
            return go_on_until(
                [&] {
                  for (int each = 0; each < 1000; ++each) inner.switch_to();
                },
                [&] {
                  return monitor.reports() >= 1 && matches(written.text(), "^  greenlet 'hub'");
                });
          },
          {.name = "outer"});
      CHECK(blocks.join());
      const std::string text = written.text();
      CAPTURE(text);
      CHECK(matches(text, "^greenlet '(inner|outer)' .*, runs\n(    #.*\n)+"));
      CHECK(matches(text, "^    greenlet 'outer' .*, (runs|suspended)\n(        #.*\n)+"));
      CHECK(matches(text, "^      greenlet 'inner' .*, (runs|suspended)\n(          #.*\n)+"));
    }
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a signal has the hub write the tree") {
  const test::output written;
  const hub_monitor monitor({.max_blocking_time = 0ms, .dump_signal = SIGUSR2, .fd = written.fd});
  offshoot::event rung;
  const auto waits = spawn([&] { rung.wait(); }, {.name = "waits"});
  offshoot::yield();
  for (int times = 1; times <= 2; ++times) {
    kill(getpid(), SIGUSR2);
    const auto dumps = [&] {
      const std::string text = written.text();
      int found = 0;
      for (auto at = text.find("'waits'"); at != std::string::npos;
           at = text.find("'waits'", at + 1)) {
        ++found;
      }
      return found;
    };
    CHECK(go_on_until([] { offshoot::sleep_for(1ms); }, [&] { return dumps() == times; }));
  }
  CHECK_MESSAGE(
      matches(written.text(), R"('hub' .*, runs\n(.*\n)*.*'waits' .*, waits for an event)"),
      written.text());
  rung.set();
  waits.join();
  CHECK(monitor.reports() == 0);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "and although a greenlet holds the thread") {
  const test::output written;
  {
    const hub_monitor monitor(
        {.max_blocking_time = 20ms, .dump_signal = SIGUSR2, .fd = written.fd});
    offshoot::event rung;
    const auto waits = spawn([&] { rung.wait(); }, {.name = "waits"});
    offshoot::yield();
    bool asked = false;
    watcher dumped([&] {
      if (!std::exchange(asked, true)) kill(getpid(), SIGUSR2);
      return matches(written.text(), "'waits' .*\n(.*\n)*.*\\+");
    });
    const auto blocks = spawn([&] { return block_until_dumped(&dumped); }, {.name = "blocks"});
    CHECK(blocks.join());
    rung.set();
    waits.join();
  }
  const std::string text = written.text();
  CAPTURE(text);
  CHECK(matches(text, R"(^    greenlet 'blocks' .*, runs\n(        #\d+ .*\n)*)"
                      R"(        #\d+ block_until_dumped\+)"));
  CHECK(matches(text, R"(^    greenlet 'waits' .*, waits for an event\n)"));
  CHECK_FALSE(matches(text, "'waits'(.*\n)*.*'waits'"));  // the hub does not do it again
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "each monitor of a signal dumps its own thread") {
  const test::output here;
  const test::output there;
  const hub_monitor monitor({.max_blocking_time = 0ms, .dump_signal = SIGUSR2, .fd = here.fd});
  const auto dumped = [](const test::output& written) {
    return go_on_until([] { offshoot::sleep_for(1ms); },
                       [&] { return matches(written.text(), "'hub'"); });
  };
  std::atomic<bool> is_watched = false;
  bool dumped_there = false;
  std::thread other([&] {
    const hub_monitor of_it({.max_blocking_time = 0ms, .dump_signal = SIGUSR2, .fd = there.fd});
    is_watched = true;
    dumped_there = dumped(there);
  });
  go_on_until(nothing, [&] { return is_watched.load(); });
  kill(getpid(), SIGUSR2);
  CHECK(dumped(here));
  other.join();
  CHECK(dumped_there);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what a monitor cannot be made with") {
  CHECK_THROWS_AS(hub_monitor({.max_blocking_time = -1ns}), std::invalid_argument);
  CHECK_THROWS_AS(hub_monitor({.interrupt_signal = 0}), std::invalid_argument);
  CHECK_THROWS_AS(hub_monitor({.dump_signal = 12345}), std::system_error);
  CHECK_THROWS_AS(hub_monitor({.dump_signal = SIGKILL}), std::system_error);
  CHECK_THROWS_AS(hub_monitor({.dump_signal = SIGUSR2, .interrupt_signal = SIGUSR2}),
                  std::system_error);
  CHECK(is_default(SIGUSR2));
  CHECK(is_default(SIGURG));

  sigset_t before;
  pthread_sigmask(SIG_BLOCK, nullptr, &before);
  {
    const hub_monitor monitor({.max_blocking_time = 1h, .dump_signal = SIGUSR2});
    CHECK_FALSE(is_default(SIGUSR2));
    CHECK_THROWS_AS(hub_monitor({.dump_signal = SIGUSR2}), offshoot::greenlet_error);
    CHECK_FALSE(is_default(SIGUSR2));
  }
  CHECK(is_default(SIGUSR2));
  sigset_t after;
  pthread_sigmask(SIG_BLOCK, nullptr, &after);
  CHECK(sigismember(&before, SIGURG) == sigismember(&after, SIGURG));

  const auto handler = signal(SIGUSR2, [](int) {});
  CHECK_THROWS_AS(hub_monitor({.dump_signal = SIGUSR2}), std::system_error);
  signal(SIGUSR2, handler);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a monitor that goes leaves what others block, and blocks what was") {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGURG);
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  auto first = std::make_unique<offshoot::signal_watcher>(std::initializer_list<int>{SIGUSR1});
  {
    const hub_monitor monitor({.max_blocking_time = 1h});
    CHECK_FALSE(test::is_blocked(SIGURG));
    first.reset();
    first = std::make_unique<offshoot::signal_watcher>(std::initializer_list<int>{SIGUSR2});
  }
  CHECK_FALSE(test::is_blocked(SIGUSR1));
  CHECK(test::is_blocked(SIGUSR2));
  CHECK(test::is_blocked(SIGURG));
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a forked child does without its monitor") {
  auto monitor = std::make_unique<hub_monitor>(offshoot::monitor_options{.max_blocking_time = 1h});
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    monitor.reset();
    _exit(is_default(SIGURG) ? 7 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "S32: a monitor leaves the threads of a forked child alone") {
  auto monitor = std::make_unique<hub_monitor>(offshoot::monitor_options{.max_blocking_time = 1h});
  const int status = test::in_child([&monitor] {
    std::thread own([] {});  // takes the memory of the parent's that has not come along
    monitor.reset();
    own.join();
    return 7;
  });
  CHECK(status == 7);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a dump that the hub has not come to goes with its monitor") {
  const test::output written;
  {
    const hub_monitor monitor({.max_blocking_time = 1h, .dump_signal = SIGUSR2, .fd = written.fd});
    kill(getpid(), SIGUSR2);
    const auto box = offshoot::detail::scheduler::here().post_box();
    CHECK(go_on_until(nothing, [&box] { return !box->empty(); }));
  }
  test::let_posts_run();
  CHECK(written.text() == "");
}
