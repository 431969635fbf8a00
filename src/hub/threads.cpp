#include <offshoot/hub/future.hpp>
#include <offshoot/hub/threads.hpp>

#include <cerrno>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sched.h>

#include "hub/forks.hpp"
#include "hub/unhandled.hpp"
#include "hub/waiting.hpp"
#include "hub/without_signals.hpp"

namespace offshoot {
namespace detail {

threads_work::~threads_work() = default;

namespace {

/// The CPUs that this process may use.
unsigned usable_cpus() {
  for (std::vector<cpu_set_t> sets(1);; sets.resize(sets.size() * 2)) {
    const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, sets.data()) == 0) {
      return static_cast<unsigned>(CPU_COUNT_S(bytes, sets.data()));
    }
    if (errno != EINVAL) throw_system_error(errno, "sched_getaffinity");  // else: more CPUs
  }
}

/// The threads of one call, and what they share. Shared by the caller and each of them.
class crew {
 public:
  crew(unsigned count, std::shared_ptr<threads_work> work, hub_options hub)
      : work_(std::move(work)), hub_(std::move(hub)), ended_(count) {
    for (promise<void>& each : ended_) endings_.push_back(each.get_future());
  }

  std::size_t size() const noexcept { return ended_.size(); }
  void stop() noexcept { stop_.request_stop(); }

  /// One of the threads, from its beginning to its end.
  void live(unsigned index, bool shall_begin) noexcept {
    if (shall_begin && attempt(index, [&] { start_hub(hub_); })) {
      attempt(index, [&] { work_->run(index, stop_.get_token()); });
      attempt(index, [] { kill_tasks(); });
    }
    ended_[index].set_value();
  }

  // The caller's side.
  void wait() {
    for (future<void>& each : endings_) each.wait();
  }
  void rethrow() const {
    if (first_ != nullptr) std::rethrow_exception(first_);
  }

 private:
  template <class F>
  bool attempt(unsigned index, F call) noexcept {
    try {
      call();
    } catch (const greenlet_exit&) {  // the thread's own greenlet was told to go: no error
    } catch (...) {
      failed(index, std::current_exception());
      return false;
    }
    return true;
  }

  void failed(unsigned index, std::exception_ptr error) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (first_ == nullptr) first_ = std::exchange(error, nullptr);
    }
    stop();
    if (error != nullptr) report_unhandled(error, "of thread " + std::to_string(index));
  }

  const std::shared_ptr<threads_work> work_;
  const hub_options hub_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::exception_ptr first_;  ///< looked at when all have ended
  std::vector<promise<void>> ended_;
  std::vector<future<void>> endings_;
};

/// Started threads. In the child of a fork they are not there, and must be neither joined nor
/// detached.
class started_threads {
 public:
  explicit started_threads(crew& of) : crew_(of) {}
  started_threads(const started_threads&) = delete;
  started_threads& operator=(const started_threads&) = delete;
  ~started_threads() {
    if (are_elsewhere()) {
      static_cast<void>(new std::vector(std::move(threads_)));
      return;
    }
    crew_.stop();
    for (std::thread& each : threads_) each.join();
  }

  /// None of them begins before all are there.
  void start(const std::shared_ptr<crew>& all) {
    std::promise<bool> begin;
    const std::shared_future<bool> shall_begin = begin.get_future().share();
    const without_signals held;
    try {
      threads_.reserve(all->size());
      for (unsigned index = 0; index < all->size(); ++index) {
        threads_.emplace_back([=] { all->live(index, shall_begin.get()); });
      }
    } catch (...) {
      begin.set_value(false);
      throw;
    }
    begin.set_value(true);
  }

  bool are_elsewhere() const noexcept { return process_ != forks(); }

 private:
  crew& crew_;
  const unsigned process_ = forks();
  std::vector<std::thread> threads_;
};

}  // namespace

void run_work_on_threads(unsigned count, std::shared_ptr<threads_work> work,
                         const thread_options& chosen) {
  record& self = scheduler::here().current_record();
  const auto all =
      std::make_shared<crew>(count != 0 ? count : usable_cpus(), std::move(work), chosen.hub);
  const auto on_stop = [all] { all->stop(); };
  // On the heap: other threads look at it while this stack may lie in a slice.
  const auto told = std::make_unique<std::stop_callback<decltype(on_stop)>>(chosen.stop, on_stop);
  started_threads threads(*all);
  threads.start(all);
  try {
    all->wait();
  } catch (...) {
    if (!threads.are_elsewhere()) {
      all->stop();
      const shield shielded(self);
      all->wait();
    }
    throw;
  }
  all->rethrow();
}

}  // namespace detail
}  // namespace offshoot
