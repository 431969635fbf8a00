/// `timeout`: a scope that ends the waits in it when its time is over. They nest, and know whose
/// they are.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/errors.hpp>

#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {

struct record;

/// A time-out scope as the hub knows it. Lies on the stack of the greenlet that it is for, which is
/// the only one to look at it: the hub sees but the timer of that greenlet's record.
class OFFSHOOT_API timeout_scope {
 public:
  explicit timeout_scope(instant deadline);
  timeout_scope(const timeout_scope&) = delete;
  timeout_scope& operator=(const timeout_scope&) = delete;
  ~timeout_scope();

  /// `never` once it has expired.
  instant deadline() const noexcept { return deadline_; }
  void set_deadline(instant deadline) noexcept { deadline_ = deadline; }
  bool is_source_of(const timed_out& error) const noexcept { return error.scope_ == number_; }

  /// Of those around the greenlet the one that is due first, the outer one of two; or null.
  static timeout_scope* first_due(const record& self) noexcept;
  /// Throws, once: its time is over.
  [[noreturn]] void expire();
  /// What one of them has thrown goes no further: it throws again at the next wait.
  static void keep_back(const record& self, const timed_out& error) noexcept;
  /// Throws if the time of one of them is over.
  static void check(const record& self);

 private:
  instant deadline_;
  std::uint64_t number_;  ///< unique on its thread
  record* owner_;
  timeout_scope* outer_;
};

}  // namespace detail

/// While it exists, and its time has come, the next wait of the greenlet that made it throws
/// `timed_out`: one that is under way is ended. It does so once. What does not wait is not
/// disturbed however long it takes. For the greenlet and the scope in which it was made; of several
/// the one that is due first throws, the outer one of two that are due at once.
class timeout {
 public:
  /// Throws std::bad_alloc. A time of zero or less ends the next wait, when all that are ready have
  /// run.
  explicit timeout(std::chrono::nanoseconds time) : scope_(detail::instant_after(time)) {}
  explicit timeout(std::chrono::steady_clock::time_point deadline)
      : scope_(detail::instant_of(deadline)) {}

  /// Starts anew, with `time` from now, also after it has thrown.
  void restart(std::chrono::nanoseconds time) { scope_.set_deadline(detail::instant_after(time)); }
  /// It will not throw any more.
  void cancel() noexcept { scope_.set_deadline(detail::never); }
  /// Whether it was this one that has thrown `error`.
  bool is_source_of(const timed_out& error) const noexcept { return scope_.is_source_of(error); }

 private:
  detail::timeout_scope scope_;
};

/// Calls `function` within a time-out of its own. Returns its result; nothing (for void: false) if
/// that time-out has ended it; its result, too, if it has caught that one's `timed_out` itself. The
/// `timed_out` of another scope passes through.
template <class F>
auto with_timeout(std::chrono::nanoseconds time, F&& function) {
  using result = std::invoke_result_t<F>;
  timeout limit(time);
  try {
    if constexpr (std::is_void_v<result>) {
      std::forward<F>(function)();
      return true;
    } else {
      return std::optional<result>(std::forward<F>(function)());
    }
  } catch (const timed_out& error) {
    if (!limit.is_source_of(error)) throw;
  }
  if constexpr (std::is_void_v<result>) {
    return false;
  } else {
    return std::optional<result>();
  }
}

}  // namespace offshoot
