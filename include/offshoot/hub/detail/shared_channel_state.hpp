/// What handles of a `shared_channel` share. Under its lock items are handed over: who gives, or
/// takes, chooses the first who waits, passing over those whose `select` has been served otherwise.
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
    bool woken;
    try {
      woken = own->wait("room in a shared_channel", deadline);
    } catch (...) {
      end_send(*own, item);
      throw;
    }
    if (end_send(*own, item)) return true;
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
    std::optional<T> item;
    try {
      own->wait("an item from a shared_channel", deadline);
    } catch (...) {
      end_receive(*own, item, true);
      throw;
    }
    end_receive(*own, item, false);
    return item;
  }

  /// After a wait with an item: whether it has been sent. If not, it is in `item` again.
  bool end_send(node& own, T& item) noexcept {
    const std::lock_guard lock(mutex_);
    if (own.given) return true;
    own.unlink();
    give_back(own, item);
    return false;
  }
  /// After a wait for one: whether it has come. It is put into `item`, or, if an exception has
  /// ended the wait, given on.
  bool end_receive(node& own, std::optional<T>& item, bool ended) noexcept {
    const std::lock_guard lock(mutex_);
    own.unlink();
    if (!own.given) return false;
    if (ended) {
      give_on(own);
    } else {
      item.emplace(std::move(own.item.look()));
    }
    return true;
  }

  // As one of several cases. The waits begin only if it cannot be done by now; else null.

  /// An item, or that no more will come.
  bool take_now(std::optional<T>& item) {
    const std::lock_guard lock(mutex_);
    item = take_first();
    return item.has_value() || closed_;
  }
  node_ref queue_for_item() {
    node_ref own(new node);
    own->begin_case();
    const std::lock_guard lock(mutex_);
    if (closed_ || !items_.empty() || somebody_waits(senders_, *own)) {
      own->end_case();
      return {};
    }
    wishes_.push_back(*own);
    return own;
  }
  node_ref queue_for_room(T& item) {
    node_ref own = wrap(item);
    own->begin_case();
    const std::lock_guard lock(mutex_);
    if (closed_ || resting_ < capacity_ || somebody_waits(wishes_, *own)) {
      own->end_case();
      give_back(*own, item);
      return {};
    }
    senders_.push_back(*own);
    return own;
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

  /// Nobody else serves whom this has returned: that must be done.
  static node* first_that_waits(wait_list& line) noexcept {
    while (list_hook* first = line.first()) {
      if (as_node(*first).win()) return &as_node(*first);
      first->unlink();
    }
    return nullptr;
  }
  /// Whether there is one whom `own` could meet.
  static bool somebody_waits(wait_list& line, const node& own) noexcept {
    for (list_hook* each = line.first(); each != nullptr; each = line.after(*each)) {
      if (as_node(*each).can_meet(own)) return true;
    }
    return false;
  }
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
  bool put(node& own) noexcept {
    if (hand_over(own)) return true;
    if (resting_ >= capacity_) return false;
    own.acquire();
    items_.push_back(own);
    ++resting_;
    return true;
  }
  bool hand_over(node& own) noexcept {
    node* const wish = first_that_waits(wishes_);
    if (wish == nullptr) return false;
    wish->item.take_over(own.item);
    grant(*wish);
    return true;
  }
  std::optional<T> take_first() {
    if (list_hook* first = items_.first()) {
      const node_ref taken(&as_node(*first));
      taken->unlink();
      --resting_;
      std::optional<T> item(std::move(taken->item.look()));
      node* const next = resting_ < capacity_ ? first_that_waits(senders_) : nullptr;
      if (next != nullptr) {
        grant(*next);
        put(*next);
      }
      return item;
    }
    if (node* const first = first_that_waits(senders_)) {
      std::optional<T> item(std::move(first->item.look()));
      grant(*first);
      return item;
    }
    return std::nullopt;
  }
  /// What was given to one who cannot take it any more goes to the next, before all others.
  void give_on(node& own) noexcept {
    if (hand_over(own)) return;
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
}  // namespace offshoot
