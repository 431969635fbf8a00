/// `future<T>` and `promise<T>`: one result, from any thread to a greenlet of any thread.
#pragma once

#include <offshoot/detail/slot.hpp>
#include <offshoot/export.hpp>
#include <offshoot/hub/detail/remote_waiter.hpp>

#include <atomic>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {

/// What a future is apart from the type of its result.
class OFFSHOOT_API future_core {
 public:
  /// Until it is ready; false: not until `deadline`. Throws what a wait throws.
  bool wait(instant deadline);
  bool ready() const;
  /// It is ready from now on, with `error` or, if null, a result. Wakes who waits.
  void finish(std::exception_ptr error) noexcept;
  /// Throws if there is an error.
  void rethrow() const;

  /// False if somebody has made it ready already, or is doing so.
  bool claim() noexcept { return !claimed_.exchange(true); }
  void give_up_claim() noexcept { claimed_ = false; }

 private:
  mutable std::mutex mutex_;
  bool ready_ = false;
  std::exception_ptr error_;
  wait_list waiters_;
  std::atomic<bool> claimed_{false};
};

template <class T>
struct future_state final : future_core {
  slot<T> value;
};
template <>
struct future_state<void> final : future_core {};

[[noreturn]] OFFSHOOT_API void throw_future_error(std::future_errc code);

}  // namespace detail

template <class T>
class promise;

/// The receiving side. May be moved to any thread; its calls may come from one at a time. Default
/// constructed, moved from, or after `get`, it is not valid, and all but `valid` throw
/// std::future_error (no_state).
template <class T>
class future {
 public:
  future() noexcept = default;

  bool valid() const noexcept { return state_ != nullptr; }
  /// Whether `get` would not wait.
  bool ready() const { return state().ready(); }
  /// Waits until there is a result or an exception. Throws `greenlet_exit` when killed,
  /// `timed_out`, std::bad_alloc; it is still valid then.
  void wait() const { static_cast<void>(state().wait(detail::never)); }
  /// False: it was not there within that time, or until then.
  bool wait_for(std::chrono::nanoseconds time) const {
    return state().wait(detail::instant_after(time));
  }
  bool wait_until(std::chrono::steady_clock::time_point deadline) const {
    return state().wait(detail::instant_of(deadline));
  }
  /// Waits, and returns the result or throws the exception: std::future_error (broken_promise) if
  /// the promise has gone without either.
  T get() {
    wait();
    const auto done = std::exchange(state_, nullptr);
    done->rethrow();
    if constexpr (!std::is_void_v<T>) return done->value.take();
  }

 private:
  friend promise<T>;
  explicit future(std::shared_ptr<detail::future_state<T>> state) noexcept
      : state_(std::move(state)) {}
  detail::future_state<T>& state() const {
    if (state_ == nullptr) detail::throw_future_error(std::future_errc::no_state);
    return *state_;
  }

  std::shared_ptr<detail::future_state<T>> state_;
};

/// The giving side. May be moved to any thread; its calls may come from one at a time. Destroyed
/// without having given anything, it leaves a std::future_error (broken_promise).
template <class T>
class promise {
 public:
  /// Throws std::bad_alloc.
  promise() : state_(std::make_shared<detail::future_state<T>>()) {}
  promise(promise&&) noexcept = default;
  promise& operator=(promise&& other) noexcept {
    promise old(std::move(*this));
    state_ = std::move(other.state_);
    handed_out_ = other.handed_out_;
    return *this;
  }
  ~promise() {
    if (state_ != nullptr && state_->claim()) {
      state_->finish(std::make_exception_ptr(std::future_error(std::future_errc::broken_promise)));
    }
  }

  /// Throws std::future_error: future_already_retrieved the second time, no_state if it has been
  /// moved from.
  future<T> get_future() {
    if (state_ == nullptr) detail::throw_future_error(std::future_errc::no_state);
    if (std::exchange(handed_out_, true)) {
      detail::throw_future_error(std::future_errc::future_already_retrieved);
    }
    return future<T>(state_);
  }
  /// Throws std::future_error (promise_already_satisfied), and `dangling_capture` if the result
  /// holds an address of the giver's own lane; nothing is given then.
  template <class... V>
  void set_value(V&&... value) {
    claim();
    try {
      if constexpr (std::is_reference_v<T>) {
        state_->value.put(value...);
      } else if constexpr (!std::is_void_v<T>) {
        state_->value.put(T(std::forward<V>(value)...));
      }
    } catch (...) {
      state_->give_up_claim();
      throw;
    }
    state_->finish(nullptr);
  }
  void set_exception(std::exception_ptr error) {
    claim();
    state_->finish(std::move(error));
  }

 private:
  void claim() {
    if (state_ == nullptr) detail::throw_future_error(std::future_errc::no_state);
    if (!state_->claim()) {
      detail::throw_future_error(std::future_errc::promise_already_satisfied);
    }
  }

  std::shared_ptr<detail::future_state<T>> state_;
  bool handed_out_ = false;
};

}  // namespace offshoot
