/// What somebody else does or causes, as those who wait for it meet it: tasks, futures, groups,
/// pools, threads, stops and signals. What only one can take each waits for on its own.
#include <offshoot/hub.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include "hub/fixture.hpp"
#include "hub/waiting_world.hpp"

namespace test {
namespace {

constexpr int waiters = 3;
using item = std::unique_ptr<int>;

bool holds(const item& found, int who) {
  return found != nullptr && *found == who;
}

bool is_in(const std::vector<int>& succeeded, int who) {
  return std::find(succeeded.begin(), succeeded.end(), who) != succeeded.end();
}

/// Where each who waits has `Own`, and takes from it what nobody else can.
template <class Own>
class own_world : public waiting_world {
 protected:
  Own& of(int who) { return own_[static_cast<std::size_t>(who)]; }
  bool is_lost() const { return lost_; }
  void check(bool right) { lost_ = lost_ || !right; }

  std::array<Own, waiters> own_;
  bool lost_ = false;
};

/// A thread of its own does `act`, or the calling one.
template <class F>
void act_on_thread(bool another, F act) {
  if (another) {
    std::thread(act).join();
  } else {
    act();
  }
}

class join_world final : public waiting_world {
 public:
  join_world() {
    awaited_ = offshoot::spawn([this] { end_.wait(); });
    offshoot::yield();
  }
  ~join_world() override { awaited_.kill(); }

 private:
  void wait(int) override { awaited_.join(); }
  bool wait_briefly(int, std::chrono::nanoseconds time) override { return awaited_.wait_for(time); }
  void provide(std::size_t) override {
    end_.set();
    offshoot::yield();
  }
  std::string lost(const std::vector<int>&) override {
    return awaited_.done() ? "" : "the task has not ended";
  }
  offshoot::event end_;
  offshoot::task<void> awaited_;
};

/// Each waits for tasks of their own, for one or for two at once, and takes their results.
class results_world final : public own_world<std::vector<offshoot::task<item>>> {
 public:
  explicit results_world(bool all) : all_(all) {
    for (int who = 0; who < waiters; ++who) {
      for (int each = 0; each < (all ? 2 : 1); ++each) {
        of(who).push_back(offshoot::spawn([this, who] {
          end_.wait();
          return std::make_unique<int>(who);
        }));
      }
    }
    offshoot::yield();
  }
  ~results_world() override { kill_all(); }

 private:
  void wait(int who) override {
    if (all_) {
      const std::vector<item> results = offshoot::join_all(of(who));
      check(results.size() == 2 && holds(results[0], who) && holds(results[1], who));
    } else {
      check(holds(of(who)[0].join(), who));
    }
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    if (all_) return offshoot::with_timeout(time, [this, who] { wait(who); });
    if (!of(who)[0].wait_for(time)) return false;
    wait(who);
    return true;
  }
  void provide(std::size_t) override {
    end_.set();
    offshoot::yield();
  }
  ending close() override { return kill_all(), ending::destroyed; }
  std::string lost(const std::vector<int>& succeeded) override {
    for (int who = 0; who < waiters; ++who) {
      for (const auto& each : of(who)) {
        try {
          check(holds(each.join(), who) && !is_in(succeeded, who));
        } catch (const offshoot::greenlet_error&) {
          check(is_in(succeeded, who));
        }
      }
    }
    return is_lost() ? "a result is lost, or there twice" : "";
  }
  void kill_all() {
    for (const auto& tasks : own_) {
      for (const auto& each : tasks) each.kill();
    }
  }
  bool all_;
  offshoot::event end_;
};

struct promised {
  offshoot::promise<item> promise;
  offshoot::future<item> future = promise.get_future();
};

class futures_world final : public own_world<promised> {
 public:
  explicit futures_world(bool from_another_thread) : from_another_thread_(from_another_thread) {}

 private:
  void wait(int who) override {
    translated<std::future_error>([this, who] { check(holds(of(who).future.get(), who)); });
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    if (!of(who).future.wait_for(time)) return false;
    wait(who);
    return true;
  }
  void provide(std::size_t) override {
    if (std::exchange(provided_, true)) return;
    act_on_thread(from_another_thread_, [this] {
      for (int who = 0; who < waiters; ++who) {
        of(who).promise.set_value(std::make_unique<int>(who));
      }
    });
  }
  void settle() override {
    if (from_another_thread_) let_posts_run();
  }
  ending close() override {
    act_on_thread(from_another_thread_, [this] {
      for (promised& each : own_) each.promise = {};
    });
    return ending::destroyed;
  }
  std::string lost(const std::vector<int>& succeeded) override {
    for (int who = 0; who < waiters; ++who) {
      auto& future = of(who).future;
      check(future.valid() != is_in(succeeded, who));
      if (future.valid()) check(future.ready() && holds(future.get(), who));
    }
    return is_lost() ? "a result is lost, or there twice" : "";
  }
  bool from_another_thread_;
  bool provided_ = false;
};

/// Each waits for a child of a group of their own, by `join` or by leaving the scope. The child
/// takes its time to end when it is killed.
class group_world final : public own_world<bool> {
 public:
  explicit group_world(bool by_scope) : by_scope_(by_scope) {}

 private:
  void wait(int who) override {
    struct no_child_at_end {
      group_world& world;
      int who;
      ~no_child_at_end() { world.check(!world.of(who)); }
    } const look{*this, who};
    {
      offshoot::group own;
      own.spawn([this, who] { be_child(of(who)); });
      if (!by_scope_) own.join();
    }
    if (by_scope_) offshoot::yield();  // where what has come meanwhile takes effect
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t) override {
    end_.set();
    offshoot::yield();
  }
  std::string lost(const std::vector<int>& succeeded) override {
    if (finished_ < succeeded.size()) return "a child was killed for nothing";
    return is_lost() ? "a child outlives its group" : "";
  }
  void be_child(bool& alive) {
    alive = true;
    try {
      end_.wait();
    } catch (...) {
      offshoot::yield();
      alive = false;
      throw;
    }
    alive = false;
    ++finished_;
  }
  bool by_scope_;
  std::size_t finished_ = 0;
  offshoot::event end_;
};

/// The pool is full; who gets a place leaves a task there that stays.
class pool_world final : public waiting_world {
 public:
  pool_world() {
    for (int each = 0; each < waiters; ++each) pool_.spawn([this] { may_end_.acquire(); });
    offshoot::yield();
  }
  ~pool_world() override { pool_.kill(); }

 private:
  void wait(int) override {
    pool_.spawn([this] { all_may_end_.wait(); });
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t waiting) override {
    may_end_.release(waiting);
    offshoot::yield();
  }
  bool one_each() const override { return true; }
  std::string lost(const std::vector<int>&) override {
    if (pool_.available() != 0) return "a place is left over";
    all_may_end_.set();
    may_end_.release(waiters);
    pool_.join();
    return pool_.available() == waiters ? "" : "a place is lost";
  }
  offshoot::semaphore may_end_{0};
  offshoot::event all_may_end_;
  offshoot::pool pool_{waiters};
};

/// Each has two items and a pool of their own, with room for one, or for both.
class map_world final : public own_world<std::optional<offshoot::pool>> {
 public:
  explicit map_world(std::size_t size) : size_(size) {
    for (auto& each : own_) each.emplace(size);
  }

 private:
  void wait(int who) override {
    const auto results = of(who)->map(std::vector{1, 2}, [this](int each) {
      end_.wait();
      return 10 * each;
    });
    check(results == std::vector{10, 20});
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t) override {
    end_.set();
    offshoot::yield();
  }
  std::string lost(const std::vector<int>&) override {
    if (is_lost()) return "not the results";
    const bool all = std::all_of(own_.begin(), own_.end(),
                                 [this](const auto& each) { return each->available() == size_; });
    return all ? "" : "a place is lost";
  }
  std::size_t size_;
  offshoot::event end_;
};

/// One thread, which does all in order, so that some have to wait for a thread as well.
class thread_pool_world final : public waiting_world {
 public:
  thread_pool_world() = default;
  ~thread_pool_world() override { go_on(); }

 private:
  void wait(int who) override {
    struct present {
      thread_pool_world& world;
      explicit present(thread_pool_world& in) : world(in) { ++world.waiting_; }
      ~present() {
        if (--world.waiting_ == 0) world.nobody_waits_.set();
      }
    } const while_here(*this);
    ++given_;
    const item got = threads_->run([may_end = may_end_, done = done_, who] {
      may_end->wait();
      ++*done;
      return std::make_unique<int>(who);
    });
    wrong_ = wrong_ || !holds(got, who);
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t) override { go_on(); }
  void settle() override {
    nobody_waits_.clear();
    if (provided_ && waiting_ != 0) nobody_waits_.wait();
  }
  std::string lost(const std::vector<int>&) override {
    threads_.reset();  // waits for the work that nobody waits for any more
    let_posts_run();
    if (wrong_) return "not the result";
    if (*done_ != given_) return "work has not been done";
    return done_.use_count() == 1 ? "" : "work that is done is still there";
  }
  void go_on() {
    if (!std::exchange(provided_, true)) may_end_->count_down();
  }
  std::shared_ptr<std::latch> may_end_ = std::make_shared<std::latch>(1);
  std::shared_ptr<std::atomic<int>> done_ = std::make_shared<std::atomic<int>>(0);
  std::optional<offshoot::thread_pool> threads_{std::in_place, 1U};
  offshoot::event nobody_waits_;
  int waiting_ = 0;
  int given_ = 0;
  bool provided_ = false;
  bool wrong_ = false;
};

class stop_world final : public waiting_world {
 public:
  explicit stop_world(bool from_another_thread) : from_another_thread_(from_another_thread) {}

 private:
  void wait(int) override { offshoot::wait_for_stop(source_.get_token()); }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t) override {
    act_on_thread(from_another_thread_, [this] { source_.request_stop(); });
  }
  void settle() override {
    if (from_another_thread_) let_posts_run();
  }
  bool in_order() const override { return false; }  // the standard library's callbacks
  std::string lost(const std::vector<int>&) override {
    return source_.stop_requested() ? "" : "the stop is lost";
  }
  bool from_another_thread_;
  std::stop_source source_;
};

/// Each has a signal of their own, of those that do nothing if nobody watches; watched for all the
/// time, or while somebody waits for it.
class signals_world final : public own_world<std::optional<offshoot::signal_watcher>> {
 public:
  explicit signals_world(bool all_the_time) : all_the_time_(all_the_time) {
    if (!all_the_time) return;
    for (int who = 0; who < waiters; ++who) of(who).emplace({signal_of(who)});
  }

 private:
  static int signal_of(int who) {
    return std::array{SIGURG, SIGWINCH, SIGCHLD}[static_cast<std::size_t>(who)];
  }
  void wait(int who) override {
    translated<std::system_error>([this, who] {
      const int got = all_the_time_ ? of(who)->wait() : offshoot::wait_for_signal({signal_of(who)});
      check(got == signal_of(who));
    });
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::with_timeout(time, [this, who] { wait(who); });
  }
  void provide(std::size_t) override {
    if (std::exchange(provided_, true)) return;
    for (int who = 0; who < waiters; ++who) pthread_kill(pthread_self(), signal_of(who));
  }
  void settle() override {
    if (provided_) let_hub_look();
  }
  bool in_order() const override { return false; }  // the reactor's, of what is ready at once
  ending close() override {
    if (!all_the_time_) return ending::none;
    for (auto& each : own_) each.reset();
    return ending::destroyed;
  }
  std::string lost(const std::vector<int>& succeeded) override {
    if (is_lost()) return "not the signal";
    for (int who = 0; who < waiters; ++who) {
      if (!all_the_time_) {
        if (is_blocked(signal_of(who))) return "a signal is still blocked";
      } else if (is_in(succeeded, who) ==
                 offshoot::with_timeout(std::chrono::milliseconds(1), [&] { of(who)->wait(); })) {
        return "a signal is lost, or there twice";
      }
    }
    return "";
  }
  bool all_the_time_;
  bool provided_ = false;
};

}  // namespace

std::vector<named_world> work_worlds() {
  return {
      world<join_world>("join"),
      world<results_world>("join, results", false),
      world<results_world>("join_all", true),
      world<futures_world>("future", false),
      world<futures_world>("future, from another thread", true),
      world<group_world>("join of a group", false),
      world<group_world>("the end of a group's scope", true),
      world<pool_world>("spawn in a full pool"),
      world<map_world>("map of a pool, until there is room", std::size_t{1}),
      world<map_world>("map of a pool, until all is done", std::size_t{2}),
      world<thread_pool_world>("thread_pool"),
      world<stop_world>("stop", false),
      world<stop_world>("stop, from another thread", true),
      world<signals_world>("signals", true),
      world<signals_world>("signals, watched only meanwhile", false),
  };
}

}  // namespace test
