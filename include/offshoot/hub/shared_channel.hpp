/// `shared_channel<T>`: items between greenlets of any threads.
#pragma once

#include <offshoot/detail/slot.hpp>
#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/detail/remote_waiter.hpp>

#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {

/// Waits with an item, or for one. Laid down, its item rests in the channel, which then shares it.
template <class T>
struct shared_node final : remote_waiter {
  slot<T> item;
};

template <class T>
class shared_channel_state {
 public:
  using node = shared_node<T>;
  using node_ref = waiter_ref<node>;

  explicit shared_channel_state(std::size_t capacity) noexcept : capacity_(capacity) {}
  ~shared_channel_state() {
    while (take_first()) continue;
  }

  bool send(T& item, instant deadline) {
    const node_ref own = wrap(item);
    {
      const std::lock_guard lock(mutex_);
      if (closed_) {
        give_back(*own, item);
        throw channel_closed();
      }
      if (put(*own)) return true;
      if (deadline == at_once) {
        give_back(*own, item);
        return false;
      }
      senders_.push_back(*own);
    }
    const auto withdraw = [&] {  // false: it has been sent
      const std::lock_guard lock(mutex_);
      if (own->given) return false;
      own->unlink();
      give_back(*own, item);
      return true;
    };
    bool woken;
    try {
      woken = own->wait("room in a shared_channel", deadline);
    } catch (...) {
      withdraw();
      throw;
    }
    if (!withdraw()) return true;
    if (woken) throw channel_closed();
    return false;
  }

  std::optional<T> receive(instant deadline) {
    node_ref own;
    {
      const std::lock_guard lock(mutex_);
      if (auto item = take_first()) return item;
      if (closed_ || deadline == at_once) return std::nullopt;
      own = node_ref(new node);
      wishes_.push_back(*own);
    }
    try {
      own->wait("an item from a shared_channel", deadline);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      own->unlink();
      if (own->given) give_on(*own);
      throw;
    }
    const std::lock_guard lock(mutex_);
    own->unlink();
    if (!own->given) return std::nullopt;
    return std::optional<T>(std::move(own->item.look()));
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wake_all(wishes_);
    wake_all(senders_);
  }
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return resting_;
  }
  std::size_t capacity() const noexcept { return capacity_; }

  /// A deadline for what must not wait.
  static constexpr instant at_once = std::numeric_limits<instant>::min();

 private:
  static node& as_node(list_hook& hook) noexcept {
    return static_cast<node&>(static_cast<remote_waiter&>(hook));
  }
  static node_ref wrap(T& item) {
    node_ref made(new node);
    made->item.put(std::move(item));
    return made;
  }
  static void give_back(node& own, T& item) noexcept {
    if constexpr (std::is_move_assignable_v<T>) item = std::move(own.item.look());
  }

  // Under the lock:

  static void grant(node& waiting) noexcept {
    waiting.unlink();
    waiting.given = true;
    waiting.wake();
  }
  static void wake_all(wait_list& line) noexcept {
    while (list_hook* first = line.first()) {
      first->unlink();
      as_node(*first).wake();
    }
  }
  /// Gives the item to who waits for one, or lays it down if there is room.
  bool put(node& own) {
    if (list_hook* first = wishes_.first()) {
      as_node(*first).item.take_over(own.item);
      grant(as_node(*first));
      return true;
    }
    if (resting_ >= capacity_) return false;
    own.acquire();
    items_.push_back(own);
    ++resting_;
    return true;
  }
  std::optional<T> take_first() {
    if (list_hook* first = items_.first()) {
      const node_ref taken(&as_node(*first));
      taken->unlink();
      --resting_;
      std::optional<T> item(std::move(taken->item.look()));
      list_hook* const next = resting_ < capacity_ ? senders_.first() : nullptr;
      if (next != nullptr) {
        grant(as_node(*next));
        put(as_node(*next));
      }
      return item;
    }
    if (list_hook* first = senders_.first()) {
      std::optional<T> item(std::move(as_node(*first).item.look()));
      grant(as_node(*first));
      return item;
    }
    return std::nullopt;
  }
  /// What was given to one who cannot take it any more goes to the next, before all others.
  void give_on(node& own) {
    if (!wishes_.empty()) {
      put(own);
      return;
    }
    own.acquire();
    items_.push_front(own);
    ++resting_;
  }

  mutable std::mutex mutex_;
  wait_list items_;
  wait_list senders_;
  wait_list wishes_;
  std::size_t resting_ = 0;
  std::size_t capacity_;
  bool closed_ = false;
};

}  // namespace detail

/// A `channel` whose senders and receivers may be on any threads, and which is not for `select`: an
/// operation takes a lock, one that waits a piece of memory, and who is woken on another thread is
/// woken by a post to its hub. Otherwise as there, fairness and safety from kills and time-outs
/// included. A hub on which somebody waits for one does not throw `would_block_forever`.
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
