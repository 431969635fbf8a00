/// The cases of a `select` that receive from a `channel` or send into one.
#pragma once

#include <offshoot/hub/channel.hpp>
#include <offshoot/hub/detail/select_case.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace offshoot::detail {

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
  bool begin_wait(std::uint32_t place) override {
    if (node_ == nullptr) node_ = state_->make_node();
    state_->queue_for_item(*node_, place);
    return true;
  }
  bool end_wait(bool given, bool ended) noexcept override {
    if (!given) {
      node_->unlink();
    } else if (ended) {
      state_->give_on(std::move(node_));
    } else {
      item_.emplace(std::move(node_->item.look()));
      state_->keep(std::move(node_));
    }
    return given;
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
  bool begin_wait(std::uint32_t place) override {
    node_ = state_->wrap(*item_);
    state_->queue_for_room(*node_, place);
    return true;
  }
  bool end_wait(bool given, bool) noexcept override {
    if (given) {
      node_.release();
    } else {
      node_->unlink();
      *item_ = std::move(node_->item.look());
      state_->keep(std::move(node_));
    }
    return given;
  }
  void handle() override { handler_(); }

  std::shared_ptr<channel_state<T>> state_;
  T* item_;
  F handler_;
  node_ptr<T> node_;
};

}  // namespace offshoot::detail
