/// Threads take work from one queue. What has been done is posted to the hub that it came from, in
/// a letter that was made beforehand, so that the way back needs no memory of the thread's.
#include <offshoot/hub/hub.hpp>
#include <offshoot/hub/thread_pool.hpp>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "hub/forks.hpp"
#include "hub/scheduler.hpp"
#include "hub/without_signals.hpp"

namespace offshoot {

using namespace detail;

/// Between the greenlet that waits and the thread. `done` and `waiter` are the hub's thread's.
struct thread_pool::errand {
  /// No task: kill_tasks() is not for who waits in no task.
  struct reply_letter final : letter {
    explicit reply_letter(std::shared_ptr<errand> what) noexcept : answered(std::move(what)) {}

    std::shared_ptr<errand> answered;

   private:
    void open(scheduler& hub) noexcept override {
      answered->done = true;
      if (answered->waiter != nullptr) hub.wake(*answered->waiter);
      delete this;
    }
    void refuse() noexcept override { delete this; }
  };

  std::shared_ptr<pool_work> work;
  hub home;  ///< as long as it exists the hub does not despair
  std::shared_ptr<mailbox> reply_to;
  std::unique_ptr<reply_letter> reply;
  std::exception_ptr error;
  bool done = false;
  record* waiter = nullptr;

  static void run(std::shared_ptr<errand> given) noexcept {
    try {
      given->work->run();
    } catch (...) {
      given->error = std::current_exception();
    }
    const auto to = given->reply_to;
    auto sent = std::move(given->reply);
    given.reset();  // before it is told: what was captured is gone when who waits goes on
    if (to->post(*sent)) sent.release();  // if that hub has ended, nobody waits
  }
};

detail::pool_work::~pool_work() = default;

struct thread_pool::queue {
  explicit queue(unsigned most) : most_threads(most != 0 ? most : 1) { watch_forks(); }

  ~queue() {
    {
      const std::lock_guard lock(mutex);
      ends = true;
    }
    changed.notify_all();
    for (std::thread& each : threads) each.join();
  }

  void push(std::shared_ptr<errand> what) {
    {
      const std::lock_guard lock(mutex);
      if (idle <= waiting.size() && threads.size() < most_threads) start_thread();
      waiting.push_back(std::move(what));
    }
    changed.notify_one();
  }

  /// With the mutex held. Fails only if there is no thread at all.
  void start_thread() {
    const without_signals held;
    try {
      threads.emplace_back([this] { serve(); });
    } catch (...) {
      if (threads.empty()) throw;
    }
  }

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      changed.wait(lock, [this] { return ends || !waiting.empty(); });
      --idle;
      if (waiting.empty()) return;
      std::shared_ptr<errand> next = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      errand::run(std::move(next));
      lock.lock();
    }
  }

  const std::size_t most_threads;
  const unsigned process = forks();
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<errand>> waiting;
  std::vector<std::thread> threads;
  std::size_t idle = 0;
  bool ends = false;
};

thread_pool::thread_pool(unsigned threads) : queue_(std::make_unique<queue>(threads)) {}

thread_pool::~thread_pool() {
  // In the child of a fork there are no threads to wait for, and one may have held the mutex.
  if (queue_->process != forks()) static_cast<void>(queue_.release());
}

void thread_pool::run_and_wait(std::shared_ptr<pool_work> work) {
  if (queue_->process != forks()) {
    throw greenlet_error(
        "offshoot: the threads of this pool are the parent process's; make a pool in the child");
  }
  scheduler& here = scheduler::here();
  record& self = here.current_record();
  const auto sent = std::make_shared<errand>(
      errand{std::move(work), hub::current(), here.post_box(), {}, nullptr});
  sent->reply = std::make_unique<errand::reply_letter>(sent);
  try {
    queue_->push(sent);
  } catch (...) {
    sent->reply = {};  // which refers to what holds it
    throw;
  }
  struct waiting_place {
    errand& what;
    reactor& events;
    waiting_place(errand& sent, record& self, reactor& hubs) : what(sent), events(hubs) {
      what.waiter = &self;
      ++events.threads_at_work;
    }
    ~waiting_place() {
      what.waiter = nullptr;
      --events.threads_at_work;
    }
  };
  {
    const waiting_place place(*sent, self, here.events());
    while (!sent->done) here.park(self, "work in a thread pool");
  }
  if (sent->error != nullptr) std::rethrow_exception(sent->error);
}

}  // namespace offshoot
