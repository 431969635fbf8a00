/// `select`: waits for the first of several things.
#pragma once

#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/detail/channel_cases.hpp>
#include <offshoot/hub/detail/readiness_case.hpp>
#include <offshoot/hub/detail/select_case.hpp>
#include <offshoot/hub/detail/shared_channel_cases.hpp>
#include <offshoot/hub/shared_channel.hpp>
#include <offshoot/hub/socket.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot {
namespace detail {

template <class F>
class time_case final : public select_case {
 public:
  time_case(instant deadline, F&& handler)
      : deadline_(deadline), handler_(std::forward<F>(handler)) {}

 private:
  bool try_now() override { return false; }
  bool begin_wait(std::uint32_t) override { return true; }
  bool end_wait(bool, bool) noexcept override { return false; }
  instant deadline() const noexcept override { return deadline_; }
  void handle() override { handler_(); }

  instant deadline_;
  F handler_;
};

template <class F>
class default_case final : public select_case {
 public:
  explicit default_case(F&& handler) : handler_(std::forward<F>(handler)) {}

 private:
  bool try_now() override { return false; }
  bool begin_wait(std::uint32_t) override { return true; }
  bool end_wait(bool, bool) noexcept override { return false; }
  bool is_default() const noexcept override { return true; }
  void handle() override { handler_(); }

  F handler_;
};

}  // namespace detail

/// A case of `select`: receives, and calls `handler` with the std::optional that `receive` would
/// have returned: nothing once the channel is closed and empty.
template <class T, class F>
requires std::invocable<F&, std::optional<T>>
auto on_receive(const channel<T>& from, F&& handler) {
  return detail::receive_case<T, F>(from, std::forward<F>(handler));
}

/// Sends `item`, which is as it was if another case is chosen, and calls `handler`. A closed
/// channel makes the select throw `channel_closed`.
template <class T, class F>
requires(std::invocable<F&>&& std::is_move_assignable_v<T>) auto on_send(
    const channel<T>& to, std::type_identity_t<T>&& item, F&& handler) {
  return detail::send_case<T, F>(to, std::move(item), std::forward<F>(handler));
}

/// The same with a channel between threads.
template <class T, class F>
requires std::invocable<F&, std::optional<T>>
auto on_receive(const shared_channel<T>& from, F&& handler) {
  return detail::shared_receive_case<T, F>(detail::channel_access::state(from),
                                           std::forward<F>(handler));
}
template <class T, class F>
requires(std::invocable<F&>&& std::is_move_assignable_v<T>) auto on_send(
    const shared_channel<T>& to, std::type_identity_t<T>&& item, F&& handler) {
  return detail::shared_send_case<T, F>(detail::channel_access::state(to), std::move(item),
                                        std::forward<F>(handler));
}

/// Calls `handler` when there is something to receive or to accept, or the end of it or an error:
/// the handler's own call does not wait, if nobody else's comes before it. `which` is a stream, a
/// listener, a datagram socket or a pipe. Makes the select throw what an operation that waits there
/// would: EBUSY, too, if a greenlet does so already, and ECANCELED if it is closed meanwhile. With
/// `otherwise`, what counts is what the hub has seen: it looks once in 64 selects, and whenever a
/// greenlet waits.
template <std::invocable F>
auto on_readable(const detail::socket& which, F&& handler) {
  return detail::handled_readiness_case<F>(which, false, std::forward<F>(handler));
}
/// The same when something can be sent, or sending would fail.
template <std::invocable F>
auto on_writable(const detail::socket& which, F&& handler) {
  return detail::handled_readiness_case<F>(which, true, std::forward<F>(handler));
}

/// Calls `handler` if no other case could be done within that time, or until then.
template <std::invocable F>
auto on_timeout(std::chrono::nanoseconds time, F&& handler) {
  return detail::time_case<F>(detail::instant_after(time), std::forward<F>(handler));
}
template <std::invocable F>
auto on_deadline(std::chrono::steady_clock::time_point deadline, F&& handler) {
  return detail::time_case<F>(detail::instant_of(deadline), std::forward<F>(handler));
}

/// Calls `handler` if no other case can be done at once: the select does not wait.
template <std::invocable F>
auto otherwise(F&& handler) {
  return detail::default_case<F>(std::forward<F>(handler));
}

/// Does the first of its cases that can be done, waiting if need be, calls the handler of that one,
/// and returns its number, from 0. Of several that can be done, each has its turn to be the first
/// that is asked. Throws what the cases and the handler throw, `greenlet_exit` when killed,
/// `timed_out`, std::bad_alloc; then no case has been done, unless the handler had been called.
template <class... C>
requires(std::derived_from<C, detail::select_case>&&...) std::size_t select(C&&... cases) {
  const std::array<detail::select_case*, sizeof...(C)> all{&cases...};
  const std::size_t chosen = detail::select_one(all);
  all[chosen]->handle();
  return chosen;
}

}  // namespace offshoot
