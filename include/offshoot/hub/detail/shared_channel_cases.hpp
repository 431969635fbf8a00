/// The cases of a `select` that receive from a `shared_channel` or send into one. A wait has a node
/// of its own each time: the one before may still be under way as a letter.
#pragma once

#include <offshoot/hub/detail/select_case.hpp>
#include <offshoot/hub/detail/shared_channel_state.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace offshoot::detail {

template <class T, class F>
class shared_receive_case final : public select_case {
 public:
  shared_receive_case(std::shared_ptr<shared_channel_state<T>> from, F&& handler)
      : state_(std::move(from)), handler_(std::forward<F>(handler)) {}

 private:
  bool try_now() override { return state_->take_now(item_); }
  bool begin_wait(std::uint32_t) override {
    node_ = state_->queue_for_item();
    return node_ != nullptr;
  }
  bool end_wait(bool, bool ended) noexcept override {
    node_->end_case();
    return state_->end_receive(*node_, item_, ended);
  }
  void handle() override { handler_(std::move(item_)); }

  std::shared_ptr<shared_channel_state<T>> state_;
  F handler_;
  waiter_ref<shared_node<T>> node_;
  std::optional<T> item_;
};

template <class T, class F>
class shared_send_case final : public select_case {
 public:
  shared_send_case(std::shared_ptr<shared_channel_state<T>> to, T&& item, F&& handler)
      : state_(std::move(to)), item_(&item), handler_(std::forward<F>(handler)) {}

 private:
  bool try_now() override { return state_->send(*item_, shared_channel_state<T>::at_once); }
  bool begin_wait(std::uint32_t) override {
    node_ = state_->queue_for_room(*item_);
    return node_ != nullptr;
  }
  bool end_wait(bool, bool) noexcept override {
    node_->end_case();
    return state_->end_send(*node_, *item_);
  }
  void handle() override { handler_(); }

  std::shared_ptr<shared_channel_state<T>> state_;
  T* item_;
  F handler_;
  waiter_ref<shared_node<T>> node_;
};

}  // namespace offshoot::detail
