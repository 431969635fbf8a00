/// What runs on which thread is odd here: look() on the monitor's own, on_interrupt() in a signal
/// handler on the thread that is watched, all else on that thread in the usual way.
#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/hub/dump.hpp>
#include <offshoot/hub/monitor.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include "hub/block_detector.hpp"
#include "hub/block_report.hpp"
#include "hub/claimed_signal.hpp"
#include "hub/dump.hpp"
#include "hub/scheduler.hpp"
#include "hub/unhandled.hpp"
#include "hub/without_signals.hpp"

namespace offshoot {
namespace detail {
namespace {

constexpr instant millisecond = 1'000'000;
constexpr instant usual_patience = 100 * millisecond;
constexpr instant longest_interval = 50 * millisecond;

/// The calling thread's.
thread_local constinit monitor* monitor_here = nullptr;

/// How often each signal has asked for a dump.
std::array<std::atomic<unsigned>, NSIG> dumps_asked{};

void on_dump_signal(int signal, siginfo_t*, void*) {
  dumps_asked[static_cast<std::size_t>(signal)].fetch_add(1, std::memory_order_relaxed);
}

/// Asks the hub for a dump. Whoever comes first does it, the hub or the handler.
struct dump_letter final : letter {
  dump_letter(std::shared_ptr<std::atomic<bool>> asked, int where)
      : wanted(std::move(asked)), fd(where) {}

  void refuse() noexcept override {
    *wanted = false;
    delete this;
  }

  const std::shared_ptr<std::atomic<bool>> wanted;
  const int fd;

 private:
  void open(scheduler&) noexcept override {
    if (wanted->exchange(false)) offshoot::dump(fd);
    delete this;
  }
};

}  // namespace

class monitor {
 public:
  explicit monitor(const monitor_options& chosen)
      : fd_(chosen.fd),
        limit_(chosen.max_blocking_time.count()),
        interval_(limit_ != 0 ? std::clamp<instant>(limit_ / 2, 1, longest_interval)
                              : longest_interval),
        counts_(scheduler::here().shared_counts()),
        mailbox_(scheduler::here().post_box()),
        dump_(chosen.dump_signal, &on_dump_signal),
        interrupt_(chosen.interrupt_signal, &on_interrupt),
        on_report_(chosen.on_report),
        detector_(limit_ != 0 ? limit_ : never, interval_) {
    refuse_lent(on_report_, "the callback of a monitor captures");
    if (on_report_) put_down_ = std::make_unique<captured_report>();
    if (limit_ < 0 || chosen.interrupt_signal == 0) {
      throw std::invalid_argument("offshoot: a monitor needs a time and a signal to interrupt by");
    }
    if (monitor_here != nullptr) {
      throw greenlet_error("offshoot: this thread has a monitor already");
    }
    make_signal_stack();
    dumps_seen_ = dumps_asked_now();
    sigset_t before;
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, interrupt_.number());
    {
      const without_signals while_started;
      gate_->thread = std::thread([this] { watch(); });
    }
    pthread_sigmask(SIG_UNBLOCK, &wanted, &before);
    sigandset(&blocked_before_, &wanted, &before);
    monitor_here = this;
  }

  ~monitor() {
    if (getpid() != process_) {
      // The thread has stayed in the parent: a new one of the child's may have its name by now. And
      // a condition that seems to be waited for never goes.
      static_cast<void>(gate_.release());
    } else {
      {
        const std::lock_guard hold(gate_->lock);
        over_ = true;
      }
      gate_->changed.notify_one();
      gate_->thread.join();
    }
    *dump_wanted_ = false;  // of a hub that has not come to it: the descriptor may go now
    monitor_here = nullptr;
    pthread_sigmask(SIG_BLOCK, &blocked_before_, nullptr);
  }
  monitor(const monitor&) = delete;
  monitor& operator=(const monitor&) = delete;

  std::uint64_t reports() const noexcept { return reports_.load(std::memory_order_acquire); }

 private:
  enum : unsigned { report = 1, tree = 2 };

  static instant time() noexcept {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  }
  unsigned dumps_asked_now() const noexcept {
    return dumps_asked[static_cast<std::size_t>(dump_.number())].load(std::memory_order_relaxed);
  }

  void watch() {
    std::unique_lock hold(gate_->lock);
    while (!gate_->changed.wait_for(hold, std::chrono::nanoseconds(interval_),
                                    [this] { return over_; }))
      look();
    hand_on();
  }

  void look() {
    hand_on();
    const instant now = time();
    const std::uint64_t switches = counts_->switches.read();
    if (detector_.look(now, switches, mailbox_->asleep())) {
      blocked_at_.store(switches, std::memory_order_relaxed);
      held_.store(detector_.held(), std::memory_order_relaxed);
      wanted_.fetch_or(report, std::memory_order_release);
    }
    if (const unsigned asked = dumps_asked_now(); asked != dumps_seen_) {
      dumps_seen_ = asked;
      ask_hub(now);
    } else if (dump_wanted_->load() && now - asked_at_ >= (limit_ != 0 ? limit_ : usual_patience)) {
      wanted_.fetch_or(tree, std::memory_order_release);
    }
    if (wanted_.load(std::memory_order_relaxed) != 0) pthread_kill(watched_, interrupt_.number());
  }

  /// What was put down, before another can be.
  void hand_on() noexcept try {
    if (put_down_ == nullptr) return;
    if (const auto found = put_down_->take()) call_back(*found);
  } catch (const std::bad_alloc&) {  // the next look tries again
  }
  void call_back(const blocking_report& found) noexcept {
    try {
      on_report_(found);
    } catch (...) {
      report_unhandled(std::current_exception(), "monitor");
    }
    reports_.fetch_add(1, std::memory_order_release);
  }

  void ask_hub(instant now) {
    if (dump_wanted_->exchange(true)) return;  // it is asked already
    asked_at_ = now;
    auto* const asking = new (std::nothrow) dump_letter(dump_wanted_, fd_);
    if (asking == nullptr) return;  // look() will interrupt it
    if (!mailbox_->post(*asking)) asking->refuse();
  }

  static void on_interrupt(int, siginfo_t*, void* context) {
    const int error = errno;
    if (monitor_here != nullptr) monitor_here->answer(context);
    errno = error;
  }
  void answer(const void* context) noexcept {
    if (!at_rest(context)) return;  // look() sends another
    const unsigned wanted = wanted_.exchange(0, std::memory_order_acquire);
    const bool still_blocked =
        counts_->switches.read() == blocked_at_.load(std::memory_order_relaxed) &&
        !mailbox_->asleep();
    if ((wanted & report) != 0 && still_blocked) {
      report_block(held_.load(std::memory_order_relaxed), context);
    }
    if ((wanted & tree) != 0 && dump_wanted_->exchange(false)) write_tree(fd_, context, nullptr);
  }
  void report_block(instant held, const void* context) noexcept {
    if (put_down_ != nullptr) {
      put_down_->put(held, context);
    } else {
      write_report(fd_, held, context);
      reports_.fetch_add(1, std::memory_order_release);
    }
  }

  const int fd_;
  const instant limit_;
  const instant interval_;
  const std::shared_ptr<const hub_counts> counts_;
  const std::shared_ptr<mailbox> mailbox_;
  const claimed_signal dump_;
  const claimed_signal interrupt_;
  const pthread_t watched_ = pthread_self();
  const pid_t process_ = getpid();
  sigset_t blocked_before_{};  ///< of the signal to interrupt by: the rest of the mask is others'

  const std::function<void(const blocking_report&)> on_report_;
  std::unique_ptr<captured_report> put_down_;  ///< null without a callback

  block_detector detector_;  // the monitor's thread's, as the two below
  unsigned dumps_seen_ = 0;
  instant asked_at_ = 0;

  std::atomic<unsigned> wanted_{0};  ///< of an interrupted thread
  std::atomic<std::uint64_t> blocked_at_{0};
  std::atomic<instant> held_{0};
  /// A dump is asked for and has not been done.
  const std::shared_ptr<std::atomic<bool>> dump_wanted_ =
      std::make_shared<std::atomic<bool>>(false);
  std::atomic<std::uint64_t> reports_{0};

  struct gate {
    std::mutex lock;
    std::condition_variable changed;
    std::thread thread;
  };
  std::unique_ptr<gate> gate_ = std::make_unique<gate>();
  bool over_ = false;
};

}  // namespace detail

hub_monitor::hub_monitor(const monitor_options& chosen)
    : monitor_(std::make_unique<detail::monitor>(chosen)) {}

hub_monitor::~hub_monitor() = default;

std::uint64_t hub_monitor::reports() const noexcept {
  return monitor_->reports();
}

}  // namespace offshoot
