/// Every way a wait can end, at every primitive: nothing is lost, nobody is forgotten.
#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/waiting_world.hpp"

using namespace std::chrono_literals;
using test::hub_leaves_nothing;
using test::waiting_world;

namespace {

constexpr int waiters = 3;

enum class way {
  none,
  kill_before_start,
  kill,
  kill_twice,
  kill_when_given,
  scope,             ///< a time-out scope around
  scope_when_given,  ///< its time is over, but the wait has had success before that was noticed
  deadline,          ///< the operation's own
  deadline_when_given,
  close,
  close_when_given,
};

constexpr std::pair<way, const char*> ways[] = {
    {way::none, "nothing"},
    {way::kill_before_start, "a kill before it begins"},
    {way::kill, "a kill"},
    {way::kill_twice, "two kills"},
    {way::kill_when_given, "a kill after success"},
    {way::scope, "a time-out scope"},
    {way::scope_when_given, "a time-out scope after success"},
    {way::deadline, "its own time-out"},
    {way::deadline_when_given, "its own time-out after success"},
    {way::close, "the end of what it waits for"},
    {way::close_when_given, "the end of what it waits for after success"},
};

bool when_given(way how) {
  return how == way::kill_when_given || how == way::scope_when_given ||
         how == way::deadline_when_given || how == way::close_when_given;
}

enum class outcome { pending, success, timed_out, killed, refused };

/// Shared with the waiters, who run on lanes.
struct log {
  outcome of[waiters]{};
  std::vector<int> succeeded;

  int count(outcome which) const {
    int found = 0;
    for (const outcome each : of) found += each == which ? 1 : 0;
    return found;
  }
};

void wait_and_note(waiting_world& world, log& notes, int who, way how,
                   std::chrono::nanoseconds soon) {
  notes.of[who] = outcome::killed;  // unless something else comes
  bool in_time = true;
  try {
    if (how == way::scope || how == way::scope_when_given) {
      in_time = offshoot::with_timeout(soon, [&world, who] { world.wait(who); });
    } else if (how == way::deadline || how == way::deadline_when_given) {
      in_time = world.wait_briefly(who, soon);
    } else {
      world.wait(who);
    }
  } catch (const offshoot::greenlet_error&) {
    notes.of[who] = outcome::refused;
    return;
  }
  notes.of[who] = in_time ? outcome::success : outcome::timed_out;
  if (in_time) notes.succeeded.push_back(who);
}

void let_all_run() {
  for (int each = 0; each < 10; ++each) offshoot::yield();
}

void let_time_pass(std::chrono::nanoseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) continue;
}

/// Ends the wait of `victim` in one way, lets the others go on, and looks for what is missing.
/// False: `soon` was over before all waited.
bool end_one(const test::named_world& named, way how, int victim, offshoot::placement where,
             std::chrono::nanoseconds soon) {
  const auto world = named.make();
  const auto notes = std::make_shared<log>();
  std::vector<offshoot::task<void>> tasks;
  for (int who = 0; who < waiters; ++who) {
    const way own = who == victim ? how : way::none;
    tasks.push_back(offshoot::spawn(
        [world, notes, who, own, soon] { wait_and_note(*world, *notes, who, own, soon); },
        {.where = where}));
    if (who == victim && how == way::kill_before_start) tasks.back().kill();
    let_all_run();
  }
  const auto& at_stake = tasks[static_cast<std::size_t>(victim)];
  const auto pending = [&tasks] {
    std::size_t count = 0;
    for (const auto& each : tasks) count += each.done() ? 0 : 1;
    return count;
  };
  if (how != way::kill_before_start && pending() != waiters) {
    for (const auto& each : tasks) each.kill();
    let_all_run();
    return false;
  }

  auto closed = waiting_world::ending::none;
  if (how == way::scope_when_given || how == way::deadline_when_given) let_time_pass(2 * soon);
  if (when_given(how)) world->provide(1);
  switch (how) {
    case way::kill_twice:
      at_stake.kill();
      [[fallthrough]];
    case way::kill:
    case way::kill_when_given:
      at_stake.kill();
      break;
    case way::scope:
    case way::deadline:
      offshoot::sleep_for(3 * soon);
      break;
    case way::close:
    case way::close_when_given:
      closed = world->close();
      break;
    default:
      break;
  }
  world->settle();
  let_all_run();

  if (closed != waiting_world::ending::none) {
    CHECK(pending() == 0);
    CHECK(notes->count(outcome::success) == (how == way::close_when_given ? 1 : 0));
    CHECK(notes->count(outcome::refused) == (how == way::close_when_given ? waiters - 1 : waiters));
    return true;
  }
  if (how == way::kill || how == way::kill_twice || how == way::scope || how == way::deadline) {
    CHECK(at_stake.done());
    CHECK(notes->of[victim] ==
          (how == way::kill || how == way::kill_twice ? outcome::killed : outcome::timed_out));
  }
  if (when_given(how)) {
    REQUIRE(at_stake.done());
    const bool kept = notes->of[victim] == outcome::success;
    // What it had been given and could not keep is the next one's.
    const int one = kept || world->goes_on() ? 1 : 0;
    CHECK(notes->count(outcome::success) == (world->one_each() ? one : waiters - (kept ? 0 : 1)));
  }
  world->provide(pending());
  world->settle();
  let_all_run();
  CHECK_MESSAGE(pending() == 0, "somebody waits for ever");
  if (pending() == 0) {
    CHECK(notes->succeeded.size() + (notes->of[victim] == outcome::success ? 0 : 1) == waiters);
    CHECK((!world->in_order() || std::is_sorted(notes->succeeded.begin(), notes->succeeded.end())));
    CHECK(world->lost(notes->succeeded) == "");
  }
  for (const auto& each : tasks) each.kill();
  return true;
}

/// The same, on a slow machine in more than one attempt.
void end_one(const test::named_world& named, way how, int victim, offshoot::placement where) {
  std::chrono::nanoseconds soon = 500us;
  while (!end_one(named, how, victim, where, soon)) {
    soon *= 4;
    REQUIRE(soon < 1min);
  }
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "however a wait ends nothing is lost and nobody forgotten") {
  for (const auto& world : test::waiting_worlds()) {
    const std::string name = world.name;
    CAPTURE(name);
    for (const auto& [how, words] : ways) {
      const std::string ended_by = words;
      CAPTURE(ended_by);
      const auto closing = world.make()->close();
      if (how == way::close && closing == waiting_world::ending::none) continue;
      // One that is gone must not be used by who has got it: that is the program's to see to.
      if (how == way::close_when_given && closing != waiting_world::ending::closed) continue;
      for (int victim = 0; victim < (when_given(how) ? 1 : waiters); ++victim) {
        CAPTURE(victim);
        end_one(world, how, victim, offshoot::placement::lane);
        end_one(world, how, victim, offshoot::placement::dedicated);
      }
    }
    offshoot::kill_tasks();
    test::let_posts_run();
    // Nothing is left that the hub believes to be awaited.
    CHECK_THROWS_AS(offshoot::event().wait(), offshoot::would_block_forever);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "no time, and a time in the past, are a look that takes nothing") {
  for (const auto& named : test::waiting_worlds()) {
    const std::string name = named.name;
    CAPTURE(name);
    for (const auto time : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
      CAPTURE(time.count());
      const auto world = named.make();
      const auto notes = std::make_shared<log>();
      const auto hasty = offshoot::spawn(
          [world, notes, time] { wait_and_note(*world, *notes, 0, way::deadline, time); });
      hasty.join();
      CHECK(notes->of[0] == outcome::timed_out);
      // Whoever comes then is served as if nobody had been there.
      const auto patient =
          offshoot::spawn([world, notes] { wait_and_note(*world, *notes, 0, way::none, 0ns); });
      let_all_run();
      CHECK_FALSE(patient.done());
      world->provide(1);
      world->settle();
      let_all_run();
      CHECK(notes->of[0] == outcome::success);
      CHECK(world->lost(notes->succeeded) == "");
      patient.kill();
    }
    offshoot::kill_tasks();
  }
}

TEST_CASE("who waits when the thread ends leaves what is gone already alone") {
  std::thread([] {
    offshoot::event event;
    offshoot::semaphore semaphore(0);
    offshoot::mutex mutex;
    offshoot::shared_mutex shared;
    offshoot::barrier barrier(10);
    offshoot::condition condition;
    offshoot::mutex of_condition;
    mutex.lock();
    shared.lock();
    offshoot::spawn([&] { event.wait(); });
    offshoot::spawn([&] { semaphore.acquire(); });
    offshoot::spawn([&] { mutex.lock(); });
    offshoot::spawn([&] { shared.lock(); });
    offshoot::spawn([&] { shared.lock_shared(); });
    offshoot::spawn([&] { barrier.arrive_and_wait(); });
    offshoot::spawn([&] {
      std::unique_lock lock(of_condition);
      condition.wait(lock);
    });
    const offshoot::channel<int> channel;
    offshoot::spawn([channel] { channel.receive(); });
    offshoot::spawn([channel] { channel.send(1); });
    const offshoot::shared_channel<int> to_threads;
    offshoot::spawn([to_threads] { to_threads.receive(); });
    offshoot::yield();
    CHECK(offshoot::task_count() == 9);  // who has been given the item has not run since
  }).join();
}
