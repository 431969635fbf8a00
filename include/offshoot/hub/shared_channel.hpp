/// `shared_channel<T>`: items between greenlets of any threads.
#pragma once

#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/detail/shared_channel_state.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot {

/// A `channel` whose senders and receivers may be on any threads: an operation takes a lock, one
/// that waits a piece of memory, and who is woken on another thread is woken by a post to its hub.
/// Otherwise as there, fairness and safety from kills and time-outs included. A hub on which
/// somebody waits for one does not throw `would_block_forever`.
template <class T>
class shared_channel {
  static_assert(std::is_object_v<T> && std::is_nothrow_move_constructible_v<T>,
                "items must be objects that can be moved without an exception");
  using state = detail::shared_channel_state<T>;

 public:
  explicit shared_channel(std::size_t capacity = 0) : state_(std::make_shared<state>(capacity)) {}

  void send(T&& item) const { static_cast<void>(send_by(item, detail::never)); }
  void send(const T& item) const { send(T(item)); }
  bool try_send_for(T&& item, std::chrono::nanoseconds time) const {
    return send_by(item, detail::instant_after(time));
  }
  bool try_send_until(T&& item, std::chrono::steady_clock::time_point deadline) const {
    return send_by(item, detail::instant_of(deadline));
  }
  bool try_send(T&& item) const { return send_by(item, state::at_once); }

  std::optional<T> receive() const { return receive_by(detail::never); }
  std::optional<T> try_receive_for(std::chrono::nanoseconds time) const {
    return receive_by(detail::instant_after(time));
  }
  std::optional<T> try_receive_until(std::chrono::steady_clock::time_point deadline) const {
    return receive_by(detail::instant_of(deadline));
  }
  std::optional<T> try_receive() const { return receive_by(state::at_once); }

  void close() const { state_->close(); }
  bool closed() const { return state_->closed(); }
  std::size_t size() const { return state_->size(); }
  std::size_t capacity() const noexcept { return state_->capacity(); }

 private:
  friend detail::channel_access;

  bool send_by(T& item, detail::instant deadline) const {
    const auto kept = state_;  // this handle may go while we wait
    if (deadline != state::at_once) detail::share_turn();
    return kept->send(item, deadline);
  }
  std::optional<T> receive_by(detail::instant deadline) const {
    const auto kept = state_;
    if (deadline != state::at_once) detail::share_turn();
    return kept->receive(deadline);
  }

  std::shared_ptr<state> state_;
};

}  // namespace offshoot
