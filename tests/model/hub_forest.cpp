/// The model test's second half: random forests of tasks on several threads that truly run side by
/// side, with timers, kills, posts and drops across threads, exceptions in flight meanwhile.
/// `--seed=N`, `--seeds=N` and `--seconds=N` choose what is tried. What is odd: who runs when is
/// the system's affair, so there is no model in lock-step, but laws that hold of any order: what a
/// task returns, who catches what it threw, whose bytes are whose, and how many there are of
/// anything.
#include <offshoot/guard.hpp>
#include <offshoot/hub.hpp>
#include <offshoot/on_lane.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <alloca.h>
#include <doctest/doctest.h>

#include "core/control_block.hpp"
#include "core/slice.hpp"
#include "model/command_line.hpp"
#include "model/dice.hpp"
#include "model/frame.hpp"
#include "model/message.hpp"

using model::dice;
using model::frame;
using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::placement;
using offshoot::task;

namespace {

using clock_type = std::chrono::steady_clock;

enum class act : std::uint8_t {
  sleep,
  yield,
  spawn,
  join,
  kill,
  forget,         ///< drops a task's handle
  deeper,         ///< some frames further down, now and then 100 KiB
  in_handler,     ///< waits while it handles an exception, and throws that on
  in_destructor,  ///< waits while an exception passes
  raise,          ///< starts a greenlet that is no task
  resume,         ///< switches to one
  drop,           ///< drops one
  give,           ///< has another thread drop one
  receive,        ///< drops what other threads have given
  post,           ///< has another thread run something
  count
};
constexpr auto acts = static_cast<std::size_t>(act::count);
constexpr std::array<const char*, acts> act_names{
    "sleep",         "yield", "spawn",  "join", "kill", "forget",  "deeper", "in_handler",
    "in_destructor", "raise", "resume", "drop", "give", "receive", "post"};

struct task_error {
  std::uint64_t number;
};

/// What is counted over all threads of a run.
struct tally {
  std::atomic<long> cargo{0};
  std::atomic<long> thrown{0};     ///< exceptions that left a task
  std::atomic<long> caught{0};     ///< by whoever joined it
  std::atomic<long> unhandled{0};  ///< reported, since nobody did
  std::array<std::atomic<std::size_t>, acts> done{};
  std::atomic<std::size_t> results{0};
  std::atomic<std::size_t> exits{0};  ///< tasks that a kill ended
  std::atomic<std::size_t> copied_out{0};
};
tally* counts = nullptr;
std::uint64_t seed_of_run = 0;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "model test: %s\n  replay with --seed=%llu\n", what,
               static_cast<unsigned long long>(seed_of_run));
  std::abort();
}

int result_of(std::uint64_t seed) {
  return static_cast<int>(seed % 1'000'003);
}

/// One thread's forest. Outlives its thread, since others post here.
class forest {
 public:
  forest(std::uint64_t seed, std::vector<std::unique_ptr<forest>>& all) : dice_(seed), all_(all) {}

  void run();
  /// What others may ask.
  std::optional<offshoot::hub> address;
  std::atomic<bool> ending{false};
  void accept(greenlet given) {
    const std::lock_guard hold(lock_);
    given_.push_back(std::move(given));
  }
  void drop_given() {
    std::vector<greenlet> taken;
    {
      const std::lock_guard hold(lock_);
      taken.swap(given_);
    }
  }

 private:
  struct children {
    std::vector<std::pair<task<int>, std::uint64_t>> tasks;
    std::vector<greenlet> greenlets;
  };

  int be(std::uint64_t seed);
  void live(frame* outer, dice& thrown, children& mine, unsigned depth);
  void take(act what, frame& at, dice& thrown, children& mine, unsigned depth);
  void spawn(dice& thrown, children& mine);
  void join(dice& thrown, children& mine);
  void handle(frame& at, dice& thrown, children& mine, unsigned depth);
  void unwind(frame& at, dice& thrown);
  void raise(dice& thrown, children& mine);
  void post(dice& thrown);
  void wait(const frame& at, dice& thrown);

  forest& another(dice& thrown) { return *all_[thrown.below(all_.size())]; }
  static void check(const frame& innermost) {
    for (const frame* each = &innermost; each != nullptr; each = each->outer()) {
      if (!each->intact(each)) fail("S35: a frame has changed");
    }
  }

  dice dice_;
  std::vector<std::unique_ptr<forest>>& all_;
  std::thread::id home_ = std::this_thread::get_id();
  int tasks_left_ = 400;
  std::mutex lock_;
  std::vector<greenlet> given_;
};

/// What every task runs.
int forest::be(std::uint64_t seed) {
  if (std::this_thread::get_id() != home_) fail("a task runs on another's thread");
  dice thrown(seed);
  children mine;
  try {
    live(nullptr, thrown, mine, 0);
  } catch (const greenlet_exit&) {
    ++counts->exits;
    throw;
  }
  if (seed % 5 == 0) {
    ++counts->thrown;
    throw task_error{seed};
  }
  return result_of(seed);
}

[[gnu::noinline]] void forest::live(frame* outer, dice& thrown, children& mine, unsigned depth) {
  std::size_t words = thrown.below(40);
  if (depth == 0 && thrown.one_in(40)) words = 12'800;  // a slice of 100 KiB
  frame at(outer, static_cast<std::uint64_t*>(alloca(words * sizeof(std::uint64_t))), words,
           thrown.next());
  for (std::size_t steps = 3 + thrown.below(10); steps > 0; --steps) {
    take(static_cast<act>(thrown.below(acts)), at, thrown, mine, depth);
    check(at);
  }
}

void forest::take(act what, frame& at, dice& thrown, children& mine, unsigned depth) {
  const bool has_task = !mine.tasks.empty();
  const bool has_greenlet = !mine.greenlets.empty();
  const auto take_greenlet = [&] {
    greenlet taken = std::move(mine.greenlets.back());
    mine.greenlets.pop_back();
    return taken;
  };
  switch (what) {
    case act::sleep:
    case act::yield:
      wait(at, thrown);
      break;
    case act::spawn:
      if (tasks_left_ <= 0) return;
      spawn(thrown, mine);
      break;
    case act::join:
      if (!has_task) return;
      join(thrown, mine);
      break;
    case act::kill:
      if (!has_task) return;
      mine.tasks[thrown.below(mine.tasks.size())].first.kill();
      break;
    case act::forget:
      if (!has_task) return;
      mine.tasks.pop_back();
      break;
    case act::deeper:
      if (depth > 3) return;
      live(&at, thrown, mine, depth + 1);
      break;
    case act::in_handler:
      if (depth > 3) return;
      handle(at, thrown, mine, depth);
      break;
    case act::in_destructor:
      unwind(at, thrown);
      break;
    case act::raise:
      raise(thrown, mine);
      break;
    case act::resume:
      if (!has_greenlet) return;
      if (mine.greenlets.back().stack_saved_bytes() > 0) ++counts->copied_out;
      mine.greenlets.back().switch_to();
      break;
    case act::drop:
      if (!has_greenlet) return;
      take_greenlet();
      break;
    case act::give:
      if (!has_greenlet) return;
      another(thrown).accept(take_greenlet());
      break;
    case act::receive:
      drop_given();
      break;
    case act::post:
      post(thrown);
      break;
    case act::count:
      break;
  }
  ++counts->done[static_cast<std::size_t>(what)];
}

void forest::wait(const frame& at, dice& thrown) {
  if (thrown.one_in(2)) return offshoot::yield();
  const auto deadline = clock_type::now() + std::chrono::microseconds(thrown.below(300));
  offshoot::sleep_until(deadline);
  if (clock_type::now() < deadline) fail("a sleep has ended early");
  check(at);
}

void forest::spawn(dice& thrown, children& mine) {
  static constexpr std::array places{placement::lane, placement::lane, placement::lane,
                                     placement::dedicated};
  --tasks_left_;
  const std::uint64_t seed = thrown.small();
  mine.tasks.emplace_back(
      offshoot::spawn([this, seed, held = model::cargo(counts->cargo)] { return be(seed); },
                      {.where = places[thrown.below(places.size())]}),
      seed);
}

void forest::join(dice& thrown, children& mine) {
  std::swap(mine.tasks[thrown.below(mine.tasks.size())], mine.tasks.back());
  const auto [child, seed] = std::move(mine.tasks.back());
  mine.tasks.pop_back();
  try {
    if (child.join() != result_of(seed) || seed % 5 == 0) fail("the result of another task");
    ++counts->results;
  } catch (const task_error& error) {
    if (error.number != seed || seed % 5 != 0) fail("the exception of another task");
    ++counts->caught;
  } catch (const offshoot::greenlet_error&) {  // it was killed
  }
  if (!child.done()) fail("a task was joined that is not done");
}

void forest::handle(frame& at, dice& thrown, children& mine, unsigned depth) {
  const std::uint64_t number = thrown.next();
  std::exception_ptr mine_caught;
  try {
    try {
      throw task_error{number};
    } catch (const task_error&) {
      mine_caught = std::current_exception();
      live(&at, thrown, mine, depth + 2);
      if (std::current_exception() != mine_caught) fail("S26: another exception is being handled");
      throw;
    }
  } catch (const task_error& again) {
    if (again.number != number || std::current_exception() != mine_caught)
      fail("S26: another exception was thrown on");
  }
}

void forest::unwind(frame& at, dice& thrown) {
  struct waiter {
    forest& in;
    frame& at;
    dice& thrown;
    ~waiter() {
      try {
        in.wait(at, thrown);
      } catch (const greenlet_exit&) {  // killed meanwhile: it lives on
      }
      if (std::uncaught_exceptions() != 1) fail("S26: the number of uncaught exceptions");
    }
  };
  // As if nothing else was in flight: this may be called from a handler, never from a destructor.
  try {
    const waiter here{*this, at, thrown};
    throw task_error{1};
  } catch (const task_error& caught) {
    if (caught.number != 1) fail("S26: another exception was caught");
  }
}

/// A greenlet that is no task, suspended deep down, and waits in the hub now and then.
void forest::raise(dice& thrown, children& mine) {
  static constexpr std::array places{placement::lane, placement::nested, placement::dedicated};
  const placement where = places[thrown.below(places.size())];
  char room = 0;
  // Below the frames of a task on a lane there is always room; on a dedicated stack there may not
  // be.
  if (where == placement::nested && !offshoot::on_lane(&room)) return;
  greenlet made(
      [seed = thrown.small(), home = home_, held = model::cargo(counts->cargo)] {
        struct note {
          std::thread::id home;
          ~note() {
            if (std::this_thread::get_id() != home) fail("S22: unwound on another thread");
          }
        } const at_end{home};
        dice rolled(seed);
        std::array<std::uint64_t, 100> words;
        frame at(nullptr, words.data(), words.size(), seed);
        for (;;) {
          greenlet::current().parent().switch_to();
          check(at);
          if (rolled.one_in(3)) offshoot::yield();
          check(at);
        }
      },
      {.where = where});
  made.switch_to();
  mine.greenlets.push_back(std::move(made));
}

void forest::post(dice& thrown) {
  forest& there = another(thrown);
  const std::uint64_t seed = thrown.small();
  try {
    there.address->post([&there, seed, held = model::cargo(counts->cargo)] {
      dice rolled(seed);
      if (std::this_thread::get_id() != there.home_) fail("posted work runs elsewhere");
      if (rolled.one_in(2)) offshoot::yield();
      there.drop_given();
      if (rolled.one_in(4)) {
        ++counts->thrown;
        throw task_error{seed};
      }
    });
  } catch (const offshoot::greenlet_error&) {
    if (!there.ending) fail("a hub refused a post while its thread was there");
  }
}

void forest::run() {
  home_ = std::this_thread::get_id();
  children roots;
  for (int i = 0; i < 20; ++i) spawn(dice_, roots);
  while (roots.tasks.size() > 5) join(dice_, roots);
  roots.tasks.clear();
  if (dice_.one_in(2)) offshoot::kill_tasks();
  while (offshoot::task_count() > 0) offshoot::sleep_for(std::chrono::microseconds(100));
  ending = true;
}

void run_seed(std::uint64_t seed) {
  constexpr std::size_t threads = 3;
  std::vector<std::unique_ptr<forest>> all;
  for (std::size_t i = 0; i < threads; ++i)
    all.push_back(std::make_unique<forest>(seed * 31 + i, all));
  std::atomic<std::size_t> ready{0};
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      offshoot::set_lane_count(static_cast<std::size_t>(1 + (seed + i) % 3));
      all[i]->address = offshoot::hub::current();
      ++ready;
      while (ready != threads) std::this_thread::yield();
      all[i]->run();
    });
  }
  for (std::thread& each : running) each.join();
  for (auto& each : all) each->drop_given();
}

void note_unhandled(std::exception_ptr exception, std::string_view /*task*/) noexcept {
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const task_error&) {
    ++counts->unhandled;
  } catch (...) {
    fail("an exception was reported that nobody threw");
  }
}

}  // namespace

TEST_CASE("forests of tasks on several threads: nothing is lost, mixed up or left over") {
  const std::uint64_t first = model::number_given("seed", 1);
  const bool replayed = model::number_given("seed", 0) != 0;
  const std::uint64_t seconds = model::number_given("seconds", 0);
  const std::uint64_t seeds =
      replayed ? 1 : model::number_given("seeds", seconds != 0 ? UINT32_MAX : 20);
  const auto end = clock_type::now() + std::chrono::seconds(seconds);
  const auto before = offshoot::set_unhandled_handler(&note_unhandled);

  tally counted;
  counts = &counted;
  for (std::uint64_t seed = first;
       seed < first + seeds && (seconds == 0 || clock_type::now() < end); ++seed) {
    CAPTURE(seed);
    seed_of_run = seed;
    const std::size_t blocks = offshoot::detail::control_blocks_alive();
    const std::size_t slices = offshoot::detail::slices_on_heap();
    run_seed(seed);
    CHECK(offshoot::detail::control_blocks_alive() == blocks);
    CHECK(offshoot::detail::slices_on_heap() == slices);
    CHECK(counted.cargo == 0);
    CHECK(counted.thrown == counted.caught + counted.unhandled);
  }
  offshoot::set_unhandled_handler(before);

  for (std::size_t i = 0; i < acts; ++i) {
    std::printf("model: %-14s %zu\n", act_names[i], counted.done[i].load());
    if (!replayed) CHECK_MESSAGE(counted.done[i] > 0, act_names[i] << " was never tried");
  }
  std::printf(
      "model: %zu results, %ld exceptions joined, %ld reported, %zu killed, %zu copied out\n",
      counted.results.load(), counted.caught.load(), counted.unhandled.load(), counted.exits.load(),
      counted.copied_out.load());
  if (replayed) return;
  CHECK(counted.results > 0);
  CHECK(counted.caught > 0);
  CHECK(counted.unhandled > 0);
  CHECK(counted.exits > 0);
  const bool copies = offshoot::guarding() == offshoot::guard_mode::off;
  CHECK((counted.copied_out > 0) == copies);
}
