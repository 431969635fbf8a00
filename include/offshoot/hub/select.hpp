/// `select`: waits for the first of several things.
#pragma once

#include <offshoot/hub/channel.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <type_traits>
#include <utility>

namespace offshoot {
namespace detail {

/// One of the things that a select can wait for. The case itself lies on the waiting greenlet's
/// stack, where only that one looks; what others must reach it keeps on the heap.
class OFFSHOOT_API select_case {
 public:
  select_case() = default;
  select_case(const select_case&) = delete;
  select_case& operator=(const select_case&) = delete;
  virtual ~select_case();

  /// Does it, if that needs no wait.
  virtual bool try_now() = 0;
  /// Has this greenlet woken when it can be done: given it, as case `place`, or just woken, to try.
  virtual void begin_wait(std::uint32_t place) = 0;
  /// Is told once for each begin_wait: whether it was given, and whether the select goes on with it
  /// or has been ended by an exception.
  virtual void end_wait(bool given, bool ended) noexcept = 0;
  /// When the wait shall end in its favour.
  virtual instant deadline() const noexcept { return never; }
  /// Whether it is done if no other can be done at once.
  virtual bool is_default() const noexcept { return false; }
  /// Calls the handler.
  virtual void handle() = 0;
};

/// The number of the case that was done; its handler has not been called.
OFFSHOOT_API std::size_t select_one(std::span<select_case* const> cases);

template <class T, class F>
class receive_case final : public select_case {
 public:
  receive_case(const channel<T>& from, F&& handler)
      : state_(channel_access::state(from)), handler_(std::forward<F>(handler)) {
    state_->enter();
  }

 private:
  bool try_now() override {
    item_ = state_->take_first();
    return item_.has_value() || state_->closed();
  }
  void begin_wait(std::uint32_t place) override {
    if (node_ == nullptr) node_ = state_->make_node();
    state_->queue_for_item(*node_, place);
  }
  void end_wait(bool given, bool ended) noexcept override {
    if (!given) {
      node_->unlink();
    } else if (ended) {
      state_->give_on(std::move(node_));
    } else {
      item_.emplace(std::move(node_->item.look()));
      state_->keep(std::move(node_));
    }
  }
  void handle() override { handler_(std::move(item_)); }

  std::shared_ptr<channel_state<T>> state_;
  F handler_;
  node_ptr<T> node_;
  std::optional<T> item_;
};

template <class T, class F>
class send_case final : public select_case {
 public:
  send_case(const channel<T>& to, T&& item, F&& handler)
      : state_(channel_access::state(to)), item_(&item), handler_(std::forward<F>(handler)) {
    state_->enter();
  }

 private:
  bool try_now() override {
    state_->require_open();
    if (state_->give(*item_)) return true;
    if (!state_->has_room()) return false;
    state_->lay_down(*state_->wrap(*item_).release());
    return true;
  }
  void begin_wait(std::uint32_t place) override {
    node_ = state_->wrap(*item_);
    state_->queue_for_room(*node_, place);
  }
  void end_wait(bool given, bool) noexcept override {
    if (given) {
      node_.release();
      return;
    }
    node_->unlink();
    *item_ = std::move(node_->item.look());
    state_->keep(std::move(node_));
  }
  void handle() override { handler_(); }

  std::shared_ptr<channel_state<T>> state_;
  T* item_;
  F handler_;
  node_ptr<T> node_;
};

template <class F>
class time_case final : public select_case {
 public:
  time_case(instant deadline, F&& handler)
      : deadline_(deadline), handler_(std::forward<F>(handler)) {}

 private:
  bool try_now() override { return false; }
  void begin_wait(std::uint32_t) override {}
  void end_wait(bool, bool) noexcept override {}
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
  void begin_wait(std::uint32_t) override {}
  void end_wait(bool, bool) noexcept override {}
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
