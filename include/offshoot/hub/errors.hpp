/// What the hub throws beyond the core's errors. Sockets throw std::system_error.
#pragma once

#include <offshoot/errors.hpp>
#include <offshoot/export.hpp>

#include <cstdint>
#include <exception>
#include <string_view>

namespace offshoot {

/// Raised in the main greenlet when no greenlet of its thread can ever run again: none is ready,
/// and no timer, descriptor or other thread can wake one. Nothing is lost: waiting may be resumed.
class OFFSHOOT_API would_block_forever : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  would_block_forever(const would_block_forever&) = default;
  would_block_forever& operator=(const would_block_forever&) = default;
  ~would_block_forever() override;
};

namespace detail {
class timeout_scope;
}

/// Raised in a greenlet that waits within a `timeout` whose time is over: timeout.hpp. A
/// std::exception: a handler of these within that scope takes it, unless it throws it on.
class OFFSHOOT_API timed_out : public greenlet_error {
 public:
  timed_out(const timed_out&) = default;
  timed_out& operator=(const timed_out&) = default;
  ~timed_out() override;

 private:
  friend detail::timeout_scope;
  explicit timed_out(std::uint64_t scope)
      : greenlet_error("offshoot: the time-out of a scope around has ended a wait"),
        scope_(scope) {}

  std::uint64_t scope_;
};

/// Called with an exception that left a task whose last handle went away without a `join`. `task`
/// is its name, or says that it has none and where it was spawned. Must not throw and must not
/// wait.
using unhandled_handler = void (*)(std::exception_ptr exception, std::string_view task) noexcept;

/// Sets the process's handler and returns the one before. Null: the default, which prints the
/// exception and the task's name on standard error; the program goes on. Any thread.
OFFSHOOT_API unhandled_handler set_unhandled_handler(unhandled_handler handler) noexcept;

}  // namespace offshoot
