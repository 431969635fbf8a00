/// `channel<T>`: items from greenlet to greenlet.
#pragma once

#include <offshoot/detail/slot.hpp>
#include <offshoot/export.hpp>
#include <offshoot/hub/detail/channel_core.hpp>
#include <offshoot/hub/errors.hpp>

#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace offshoot {

/// Thrown where an item is sent into a channel that has been closed.
class OFFSHOOT_API channel_closed : public greenlet_error {
 public:
  channel_closed() : greenlet_error("offshoot: the channel is closed") {}
  channel_closed(const channel_closed&) = default;
  channel_closed& operator=(const channel_closed&) = default;
  ~channel_closed() override;
};

/// A capacity that no number of items reaches: sending never waits.
inline constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();

namespace detail {

template <class T>
struct item_node final : channel_node {
  slot<T> item;
};

template <class T>
using node_ptr = std::unique_ptr<item_node<T>>;

struct channel_access;

/// What handles of a channel share. Keeps some nodes, so that items that come and go allocate
/// nothing.
template <class T>
class channel_state final : public channel_core {
 public:
  using channel_core::channel_core;
  ~channel_state() {
    while (channel_node* each = first_item()) {
      take(*each);
      delete static_cast<item_node<T>*>(each);
    }
  }

  node_ptr<T> make_node() {
    return spare_ != nullptr ? std::move(spare_) : std::make_unique<item_node<T>>();
  }
  void keep(node_ptr<T> node) noexcept {
    node->item.reset();
    spare_ = std::move(node);
  }
  /// Gives the item to who waits for one; false if nobody does, and nothing has changed.
  bool give(T& item) {
    channel_node* const wish = first_wish();
    if (wish == nullptr) return false;
    try {
      static_cast<item_node<T>*>(wish)->item.put(std::move(item));
    } catch (...) {
      let_try_again(*wish);
      throw;
    }
    grant(*wish);
    return true;
  }
  /// What has been given to one who cannot take it any more goes to the next, before all others.
  void give_on(node_ptr<T> node) noexcept {
    if (channel_node* const wish = first_wish()) {
      static_cast<item_node<T>*>(wish)->item.take_over(node->item);
      grant(*wish);
      keep(std::move(node));
    } else {
      lay_down_first(*node.release());
    }
  }
  std::optional<T> take_first() {
    channel_node* const first = first_item();
    if (first == nullptr) return std::nullopt;
    auto* const node = static_cast<item_node<T>*>(first);
    std::optional<T> taken(std::move(node->item.look()));
    take(*first);
    keep(node_ptr<T>(node));
    return taken;
  }
  /// Puts the item into a node: a queue's, or one to wait with.
  node_ptr<T> wrap(T& item) {
    node_ptr<T> node = make_node();
    node->item.put(std::move(item));
    return node;
  }

 private:
  node_ptr<T> spare_;
};

}  // namespace detail

/// A queue of items between greenlets of one thread, that of its first use; elsewhere all but
/// copying and destroying throws `wrong_thread`. Copies refer to the same channel. Fair: items come
/// in the order in which they were sent, and go to who has waited longest. An item lies on the heap
/// between its sender's stack and its receiver's: one that holds an address of its sender's own
/// lane throws `dangling_capture`. A wait that a kill or a time-out ends loses nothing: what was
/// not sent is still in the sender's hands, what was on its way goes to the next receiver.
template <class T>
class channel {
  static_assert(std::is_object_v<T> && std::is_nothrow_move_constructible_v<T>,
                "items must be objects that can be moved without an exception");

 public:
  /// With room for `capacity` items: 0, where each waits to be received, up to `unbounded`.
  explicit channel(std::size_t capacity = 0)
      : state_(std::make_shared<detail::channel_state<T>>(capacity)) {}

  /// Waits until there is room or, at capacity 0, until the item is received. Throws
  /// `channel_closed`, `greenlet_exit` when killed, `timed_out`, `dangling_capture`,
  /// std::bad_alloc; then `item` is as it was, if it can be assigned to, is not what was refused,
  /// and was not taken before the kill or the time-out.
  void send(T&& item) const { static_cast<void>(send_by(item, detail::never)); }
  void send(const T& item) const { send(T(item)); }
  /// False: there was no room within that time, until then, or now; `item` is as it was.
  bool try_send_for(T&& item, std::chrono::nanoseconds time) const {
    return send_by(item, detail::instant_after(time));
  }
  bool try_send_until(T&& item, std::chrono::steady_clock::time_point deadline) const {
    return send_by(item, detail::instant_of(deadline));
  }
  bool try_send(T&& item) const {
    state_->enter();
    state_->require_open();
    return put(item);
  }

  /// Waits for an item; nothing if the channel is closed and empty. Throws `greenlet_exit` when
  /// killed, `timed_out`, std::bad_alloc.
  std::optional<T> receive() const { return receive_by(detail::never); }
  /// Nothing, too, if none came within that time, until then, or now.
  std::optional<T> try_receive_for(std::chrono::nanoseconds time) const {
    return receive_by(detail::instant_after(time));
  }
  std::optional<T> try_receive_until(std::chrono::steady_clock::time_point deadline) const {
    return receive_by(detail::instant_of(deadline));
  }
  std::optional<T> try_receive() const {
    state_->enter();
    return state_->take_first();
  }

  /// Nothing can be sent any more: who waits to send gets `channel_closed`, who waits for an item
  /// nothing. Items that are in it can still be received. No-op if it is closed.
  void close() const {
    state_->enter();
    state_->close();
  }
  bool closed() const noexcept { return state_->closed(); }
  /// Items that are in it, without those whose senders wait.
  std::size_t size() const noexcept { return state_->size(); }
  std::size_t capacity() const noexcept { return state_->capacity(); }

  /// `for (T& item : channel)` receives until it is closed and empty.
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    T& operator*() const noexcept { return *item_; }
    iterator& operator++() {
      item_ = from_->receive();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& one, std::default_sentinel_t) noexcept {
      return !one.item_.has_value();
    }

   private:
    friend channel;
    explicit iterator(const channel& from) : from_(&from), item_(from.receive()) {}
    const channel* from_;
    mutable std::optional<T> item_;
  };
  iterator begin() const { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend detail::channel_access;

  bool put(T& item) const {
    if (state_->give(item)) return true;
    if (!state_->has_room()) return false;
    state_->lay_down(*state_->wrap(item).release());
    return true;
  }

  bool send_by(T& item, detail::instant deadline) const {
    const auto state = state_;  // this handle may go while we wait
    state->begin();
    state->require_open();
    if (put(item)) return true;
    detail::node_ptr<T> node = state->wrap(item);
    const auto take_back = [&] {
      if constexpr (std::is_move_assignable_v<T>) item = std::move(node->item.look());
      state->keep(std::move(node));
    };
    auto came = detail::channel_core::outcome::given;
    try {
      came = state->wait_for_room(*node, deadline);
    } catch (...) {
      if (detail::channel_core::was_given()) {
        node.release();
      } else {
        take_back();
      }
      throw;
    }
    if (came == detail::channel_core::outcome::given) {
      node.release();
      return true;
    }
    take_back();
    if (came == detail::channel_core::outcome::closed) throw channel_closed();
    return false;
  }

  std::optional<T> receive_by(detail::instant deadline) const {
    const auto state = state_;
    state->begin();
    if (auto item = state->take_first()) return item;
    if (state->closed()) return std::nullopt;
    detail::node_ptr<T> node = state->make_node();
    try {
      if (state->wait_for_item(*node, deadline) != detail::channel_core::outcome::given) {
        state->keep(std::move(node));
        return std::nullopt;
      }
    } catch (...) {
      if (detail::channel_core::was_given()) state->give_on(std::move(node));
      throw;
    }
    std::optional<T> item(std::move(node->item.look()));
    state->keep(std::move(node));
    return item;
  }

  std::shared_ptr<detail::channel_state<T>> state_;
};

namespace detail {

struct channel_access {
  template <class Channel>
  static const auto& state(const Channel& handle) noexcept {
    return handle.state_;
  }
};

}  // namespace detail
}  // namespace offshoot
