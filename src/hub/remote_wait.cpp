#include <offshoot/hub/detail/remote_waiter.hpp>

#include "hub/waiting.hpp"

namespace offshoot::detail {

letter::~letter() = default;

remote_waiter::remote_waiter() : who_(nullptr), home_(scheduler::here().post_box()) {}

remote_waiter::~remote_waiter() = default;

void remote_waiter::begin(record& self) noexcept {
  who_ = &self;
  home_->senders.fetch_add(1, std::memory_order_relaxed);
}

void remote_waiter::end_case() noexcept {
  who_ = nullptr;
  home_->senders.fetch_sub(1, std::memory_order_relaxed);
}

void remote_waiter::begin_case() noexcept {
  record& self = scheduler::find()->current_record();
  begin(self);
  self.rivals.open();
  contest_ = &self.rivals;
}

bool remote_waiter::wait(const char* reason, instant deadline) {
  scheduler& hub = scheduler::here();
  record& self = hub.current_record();
  begin(self);
  self.given = false;
  struct at_end {
    remote_waiter& own;
    ~at_end() { own.end_case(); }
  } const meanwhile{*this};
  return hub.park(self, reason, deadline);
}

void remote_waiter::wake() noexcept {
  acquire();
  scheduler* const here = scheduler::find();
  if (here != nullptr && here->post_box() == home_) {
    open(*here);
  } else if (!home_->post(*this)) {
    release();
  }
}

/// May come when the wait has ended in another way.
void remote_waiter::open(scheduler& hub) noexcept {
  if (who_ != nullptr) hub.wake(*who_);
  release();
}

void share_turn() {
  scheduler::here().share_turn();
}

}  // namespace offshoot::detail
