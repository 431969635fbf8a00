/// `spawn` and `task`: greenlets that the hub runs.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>
#include <offshoot/hub/detail/wait_list.hpp>
#include <offshoot/hub/errors.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {

struct record;
class scheduler;
class mailbox;

/// What there is of a task apart from its greenlet: function, result, and who waits for it. On the
/// heap, shared by the greenlet and the handles.
class OFFSHOOT_API task_state {
 public:
  task_state(const task_state&) = delete;
  task_state& operator=(const task_state&) = delete;
  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  // Those of a handle.
  void join();
  void kill();
  bool done() const noexcept { return done_; }

 protected:
  task_state() noexcept;
  virtual ~task_state();

 private:
  friend class scheduler;
  friend class mailbox;

  virtual void run() = 0;
  virtual void destroy_function() noexcept = 0;

  std::atomic<unsigned> references_{1};
  bool done_ = false;
  scheduler* home_ = nullptr;  ///< while it is not done
  record* record_ = nullptr;   ///< while it is not done
  wait_list joiners_;
  std::exception_ptr error_;
  std::unique_ptr<std::string> name_;  ///< for the report of an unhandled exception
  task_state* next_posted_ = nullptr;
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
  return task_ref(new function_state<std::decay_t<F>>(std::forward<F>(function)));
}

OFFSHOOT_API void start_task(const task_ref& made, const options& chosen, spawn_site site);
/// What `reference` refers to; throws `greenlet_error` if it is empty.
OFFSHOOT_API task_state& dereference(const task_ref& reference);
[[noreturn]] OFFSHOOT_API void throw_no_result();

}  // namespace detail

/// A handle to what `spawn` started; copies refer to the same task. The task does not need it:
/// dropped, the task runs on. Belongs to the thread that spawned it, as do all its calls.
template <class R>
class task {
 public:
  /// An empty handle, on which every call throws `greenlet_error`.
  task() noexcept = default;

  /// Waits until the task has finished. Returns its result, or throws the exception that left it,
  /// to the first who asks; later ones find nothing: a `task<void>` returns, any other throws
  /// `greenlet_error`. So it is for a task that was killed. Throws `wrong_thread`,
  /// `greenlet_error` if a task joins itself, and `greenlet_exit` when killed meanwhile.
  R join() const {
    const detail::task_ref state = state_;  // this handle may go while we wait
    detail::dereference(state).join();
    if constexpr (!std::is_void_v<R>) {
      auto& result = static_cast<detail::result_state<R>*>(state.get())->result;
      if (!result.filled()) detail::throw_no_result();
      return result.take();
    }
  }

  /// Raises `greenlet_exit` in the task where it waits, as soon as it is its turn; in one that does
  /// not wait in the hub, the next time it would. One that has not begun never does. No-op if it is
  /// done. Does not wait: `join` does. Called by the task itself, throws `greenlet_exit` at once.
  void kill() const { detail::dereference(state_).kill(); }

  /// Whether it has finished: returned, thrown, or been killed.
  bool done() const { return detail::dereference(state_).done(); }

 private:
  template <class F>
  friend auto spawn(F&& function, const options& chosen, spawn_site site)
      -> task<std::invoke_result_t<std::decay_t<F>&>>;
  explicit task(detail::task_ref state) noexcept : state_(std::move(state)) {}

  detail::task_ref state_;
};

/// Starts a task: a greenlet that runs `function`, without arguments, when its turn comes. The hub
/// keeps it alive until it finishes; when the thread ends before that it is unwound. Throws, with
/// nothing started: std::bad_alloc, `dangling_capture` if `function` holds an address of the
/// caller's own lane, and `greenlet_error` if `chosen` names a parent: a task's is its hub. If
/// there is no stack for it when its turn comes, that error is what `join` throws.
template <class F>
auto spawn(F&& function, const options& chosen = {}, spawn_site site = spawn_site::current())
    -> task<std::invoke_result_t<std::decay_t<F>&>> {
  detail::task_ref made = detail::make_task(std::forward<F>(function));
  detail::start_task(made, chosen, site);
  return task<std::invoke_result_t<std::decay_t<F>&>>(std::move(made));
}

/// Kills every task of this thread but the calling one, and those that they spawn while they
/// unwind, and returns when all have finished. One that swallows `greenlet_exit` keeps it waiting.
OFFSHOOT_API void kill_tasks();

/// How many tasks of this thread have been spawned and are not done.
OFFSHOOT_API std::size_t task_count() noexcept;

}  // namespace offshoot
