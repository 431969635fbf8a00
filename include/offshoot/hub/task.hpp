/// `spawn` and `task`: greenlets that the hub runs.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/letter.hpp>
#include <offshoot/hub/detail/wait_list.hpp>
#include <offshoot/hub/errors.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace offshoot {

namespace detail {

struct record;

/// Called when a task has finished.
struct OFFSHOOT_API completion {
  completion() = default;
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;
  virtual ~completion();
  virtual void call() = 0;
  std::unique_ptr<completion> next;
};

template <class F>
struct function_completion final : completion {
  template <class G>
  explicit function_completion(G&& given)
      : function(
            make_looked_at<F>(storage, "a completion callback captures", std::forward<G>(given))) {}
  ~function_completion() override { function->~F(); }
  void call() override { (*function)(); }

  alignas(F) std::byte storage[sizeof(F)];
  F* function;
};

/// What there is of a task apart from its greenlet: function, result, and who waits for it. On the
/// heap, shared by the greenlet and the handles.
class OFFSHOOT_API task_state : public letter {
 public:
  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // Those of a handle.
  void join();
  bool wait(instant deadline);
  void kill();
  void when_done(std::unique_ptr<completion> callback);
  bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  /// The exception that left it, for whoever asks first.
  std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }
  std::string_view name() const noexcept;
  /// Whether it is the caller's own.
  bool is_current() const noexcept;

 protected:
  task_state() noexcept;
  ~task_state() override;
  void open(scheduler& hub) noexcept override;

 private:
  friend class scheduler;

  void refuse() noexcept override { release(); }
  virtual void run() = 0;
  virtual void destroy_function() noexcept = 0;

  std::atomic<unsigned> references_{1};
  void require_home() const;

  std::atomic<bool> done_{false};
  std::shared_ptr<mailbox> home_;  ///< of the hub that runs it
  record* record_ = nullptr;       ///< while it is not done
  wait_list joiners_;
  std::exception_ptr error_;
  std::unique_ptr<completion> completions_;  ///< the last one first
  std::unique_ptr<std::string> name_;        ///< for reports; of one that failed, at least its site
};

/// Shared ownership of a task_state.
class task_ref {
 public:
  task_ref() noexcept = default;
  explicit task_ref(task_state* adopted) noexcept : state_(adopted) {}
  task_ref(const task_ref& other) noexcept : state_(other.state_) {
    if (state_ != nullptr) state_->acquire();
  }
  task_ref(task_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  task_ref& operator=(task_ref other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~task_ref() {
    if (state_ != nullptr) state_->release();
  }
  task_state* get() const noexcept { return state_; }
  task_state* let_go() noexcept { return std::exchange(state_, nullptr); }

 private:
  task_state* state_ = nullptr;
};

template <class R>
class result_state : public task_state {
 public:
  slot<R> result;
};
template <>
class result_state<void> : public task_state {};

template <class F>
class function_state final : public result_state<std::invoke_result_t<F&>> {
  static_assert(std::is_nothrow_destructible_v<F>, "a task's destructor must not throw");

 public:
  template <class G>
  explicit function_state(G&& function) {
    function_ =
        make_looked_at<F>(storage_, "a task's function captures", std::forward<G>(function));
  }
  ~function_state() override { function_state::destroy_function(); }

 private:
  void run() override {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      (*function_)();
    } else {
      this->result.put((*function_)());
    }
  }
  void destroy_function() noexcept override {
    if (F* function = std::exchange(function_, nullptr)) function->~F();
  }

  F* function_ = nullptr;
  alignas(F) std::byte storage_[sizeof(F)];
};

template <class F>
task_ref make_task(F&& function) {
  refuse_null_run(function);
  return task_ref(new function_state<std::decay_t<F>>(std::forward<F>(function)));
}

OFFSHOOT_API void start_task(const task_ref& made, const options& chosen, spawn_site site);
/// What `reference` refers to; throws `greenlet_error` if it is empty.
OFFSHOOT_API task_state& dereference(const task_ref& reference);
[[noreturn]] OFFSHOOT_API void throw_no_result();

}  // namespace detail

/// A handle to what `spawn` started; copies refer to the same task. The task does not need it:
/// dropped, the task runs on. Belongs to the thread that spawned it, as do all calls but `kill`,
/// `done` and those of a task that is done.
template <class R>
class task {
 public:
  /// An empty handle, on which every call throws `greenlet_error`.
  task() noexcept = default;

  /// Waits until the task has finished. Returns its result, or throws the exception that left it,
  /// to the first who asks; later ones find nothing: a `task<void>` returns, any other throws
  /// `greenlet_error`. So it is for a task that was killed. Throws `wrong_thread`,
  /// `greenlet_error` if a task joins itself, `greenlet_exit` when killed meanwhile, and
  /// `timed_out`.
  R join() const {
    const detail::task_ref state = state_;  // this handle may go while we wait
    detail::dereference(state).join();
    if constexpr (!std::is_void_v<R>) {
      auto& result = static_cast<detail::result_state<R>*>(state.get())->result;
      if (!result.filled()) detail::throw_no_result();
      return result.take();
    }
  }

  /// Waits until it has finished, and leaves its result and its exception to `join`. Throws as that
  /// does for the wait.
  void wait() const { static_cast<void>(wait_by(detail::never)); }
  /// False: it has not finished within that time, or until then.
  bool wait_for(std::chrono::nanoseconds time) const {
    return wait_by(detail::instant_after(time));
  }
  bool wait_until(std::chrono::steady_clock::time_point deadline) const {
    return wait_by(detail::instant_of(deadline));
  }

  /// Has `callback` called, without arguments, when it has finished; in the order in which they
  /// were given; at once if it is done. It must not wait; what it throws goes to the unhandled
  /// handler. Throws std::bad_alloc, `dangling_capture`, `wrong_thread`.
  template <class F>
  void when_done(F&& callback) const {
    detail::dereference(state_).when_done(
        std::make_unique<detail::function_completion<std::decay_t<F>>>(std::forward<F>(callback)));
  }

  /// Raises `greenlet_exit` in the task where it waits, as soon as it is its turn; in one that does
  /// not wait in the hub, the next time it would. One that has not begun never does. No-op if it is
  /// done. Does not wait: `join` does. Called by the task itself, throws `greenlet_exit` at once.
  /// May be called on any thread, and takes effect soon then; throws std::bad_alloc there.
  void kill() const { detail::dereference(state_).kill(); }

  /// Whether it has finished: returned, thrown, or been killed.
  bool done() const { return detail::dereference(state_).done(); }

 private:
  template <class F>
  friend auto spawn(F&& function, const options& chosen, spawn_site site)
      -> task<std::invoke_result_t<std::decay_t<F>&>>;
  friend class group;
  explicit task(detail::task_ref state) noexcept : state_(std::move(state)) {}
  bool wait_by(detail::instant deadline) const {
    const detail::task_ref state = state_;  // this handle may go while we wait
    return detail::dereference(state).wait(deadline);
  }

  detail::task_ref state_;
};

/// Starts a task: a greenlet that runs `function`, without arguments, when its turn comes. The hub
/// keeps it alive until it finishes; when the thread ends before that it is unwound. Throws, with
/// nothing started: std::bad_alloc, `dangling_capture` if `function` holds an address of the
/// caller's own lane, `not_startable` if `function` is null, and `greenlet_error` if `chosen` names
/// a parent: a task's is its hub. If there is no stack for it when its turn comes, that error is
/// what `join` throws.
template <class F>
auto spawn(F&& function, const options& chosen = {}, spawn_site site = spawn_site::current())
    -> task<std::invoke_result_t<std::decay_t<F>&>> {
  detail::task_ref made = detail::make_task(std::forward<F>(function));
  detail::start_task(made, chosen, site);
  return task<std::invoke_result_t<std::decay_t<F>&>>(std::move(made));
}

/// Waits until all have finished. Returns their results in order (nothing for `task<void>`), or
/// throws the exception of the first in order that failed; those of others are left to their
/// `join`.
template <class R>
auto join_all(const std::vector<task<R>>& tasks) {
  for (const task<R>& each : tasks) each.wait();
  if constexpr (std::is_void_v<R>) {
    for (const task<R>& each : tasks) each.join();
  } else {
    std::vector<R> results;
    results.reserve(tasks.size());
    for (const task<R>& each : tasks) results.push_back(each.join());
    return results;
  }
}

/// Kills every task of this thread but the calling one, and those that they spawn while they
/// unwind, and returns when all have finished. One that swallows `greenlet_exit` keeps it waiting.
OFFSHOOT_API void kill_tasks();

/// How many tasks of this thread have been spawned and are not done.
OFFSHOOT_API std::size_t task_count() noexcept;

}  // namespace offshoot
