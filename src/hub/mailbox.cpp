#include "hub/mailbox.hpp"

#include <offshoot/hub/hub.hpp>

#include <cstdint>

#include <sys/eventfd.h>

#include "hub/scheduler.hpp"

namespace offshoot {
namespace detail {
namespace {

/// In place of the newest post: there shall be none. No letter can have this address.
letter* const refused = reinterpret_cast<letter*>(alignof(letter) / 2);

}  // namespace

mailbox::mailbox() {
  renew();
}

mailbox::~mailbox() {
  close();
}

bool mailbox::post(task_ref work) noexcept {
  if (!takes_work_.load(std::memory_order_relaxed) || !post(*work.get())) return false;
  work.let_go();  // the queue's now, or the hub's already
  return true;
}

bool mailbox::post(letter& posted) noexcept {
  if (process_ != forks()) return false;
  letter* before = newest_.load(std::memory_order_relaxed);
  do {
    if (before == refused) return false;
    posted.next_posted_ = before;
  } while (!newest_.compare_exchange_weak(before, &posted, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
  // Only the first to find it asleep wakes it. The order matters, here and in fall_asleep(): each
  // side writes its own word before it reads the other's.
  wake();
  return true;
}

void mailbox::wake() noexcept {
  if (!asleep_.load(std::memory_order_seq_cst) || process_ != forks()) return;
  if (!asleep_.exchange(false)) return;
  const std::uint64_t one = 1;
  // Cannot fail: the counter is never read, and 2^64 wake-ups do not happen.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void mailbox::renew() {
  wake_ = descriptor();  // first, so that there is room for the new one
  wake_ = descriptor(check_call(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"));
}

letter* mailbox::take() noexcept {
  letter* const newest = newest_.load(std::memory_order_relaxed);
  if (newest == nullptr || newest == refused) return nullptr;
  letter* first = nullptr;
  for (letter* each = newest_.exchange(nullptr, std::memory_order_acquire); each != nullptr;) {
    letter* before = std::exchange(each->next_posted_, first);
    first = std::exchange(each, before);
  }
  return first;
}

letter* mailbox::next(letter& posted) noexcept {
  return std::exchange(posted.next_posted_, nullptr);
}

bool mailbox::fall_asleep() noexcept {
  asleep_.store(true, std::memory_order_seq_cst);
  if (empty()) return true;
  awake();
  return false;
}

void mailbox::close() noexcept {
  letter* each = newest_.exchange(refused, std::memory_order_acquire);
  while (each != nullptr && each != refused) {
    letter& dropped = *each;
    each = next(dropped);
    dropped.refuse();
  }
}

}  // namespace detail

hub::hub(std::shared_ptr<detail::mailbox> mailbox) noexcept : mailbox_(std::move(mailbox)) {
  mailbox_->senders.fetch_add(1, std::memory_order_relaxed);
}

hub::hub(const hub& other) noexcept : hub(other.mailbox_) {}

hub::~hub() {
  if (mailbox_ == nullptr) return;
  // The last one: a hub that waits for nothing but posts has to notice.
  if (mailbox_->senders.fetch_sub(1, std::memory_order_seq_cst) == 1) mailbox_->wake();
}

hub hub::current() {
  return hub(detail::scheduler::here().post_box());
}

void hub::send(detail::task_ref work) const {
  if (!mailbox_->post(std::move(work))) {
    throw greenlet_error("offshoot: work was posted to a hub whose thread has ended");
  }
}

}  // namespace offshoot
