/// A greenlet that waits for what other threads may give it.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/contest.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/letter.hpp>
#include <offshoot/hub/detail/wait_list.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace offshoot::detail {

struct record;

/// The node of one wait, on the heap, and the letter that ends it. Shared by the greenlet, by who
/// holds it in a list, and by the mailbox it is posted to. The list and `given` are guarded by the
/// lock of what is waited for.
class OFFSHOOT_API remote_waiter : public letter, public list_hook {
 public:
  /// Of the calling greenlet. Throws std::bad_alloc.
  remote_waiter();

  void acquire() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// The greenlet's side: waits to be woken; false: not until `deadline`. Throws what a wait
  /// throws. Meanwhile its hub knows that other threads may wake it.
  bool wait(const char* reason, instant deadline);
  /// For one of several cases: from here on, until end_case(), it may be woken, and whoever serves
  /// it must win. Once.
  void begin_case() noexcept;
  void end_case() noexcept;
  /// Whether it is the caller's to serve it. Under the lock.
  bool win() noexcept { return contest_ == nullptr || contest_->win(); }
  /// Whether it could be served, and by `other`: not so if both are cases of one select.
  bool can_meet(const remote_waiter& other) const noexcept {
    return contest_ == nullptr || (contest_ != other.contest_ && contest_->is_open());
  }
  /// Any thread, once.
  void wake() noexcept;

  bool given = false;

 protected:
  ~remote_waiter() override;

 private:
  void open(scheduler& hub) noexcept override;
  void refuse() noexcept override { release(); }
  void begin(record& self) noexcept;

  std::atomic<unsigned> references_{1};
  record* who_;                 ///< null when it does not wait; touched on its own thread only
  contest* contest_ = nullptr;  ///< of the greenlet, if this is one of several cases
  std::shared_ptr<mailbox> home_;
};

/// For an operation that did not need to wait: once in a while lets others run.
OFFSHOOT_API void share_turn();

/// Shared ownership of one.
template <class W>
class waiter_ref {
 public:
  waiter_ref() noexcept = default;
  explicit waiter_ref(W* adopted) noexcept : waiter_(adopted) {}
  waiter_ref(waiter_ref&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
  waiter_ref& operator=(waiter_ref other) noexcept {
    std::swap(waiter_, other.waiter_);
    return *this;
  }
  ~waiter_ref() {
    if (waiter_ != nullptr) waiter_->release();
  }
  bool operator!=(std::nullptr_t) const noexcept { return waiter_ != nullptr; }
  W* operator->() const noexcept { return waiter_; }
  W& operator*() const noexcept { return *waiter_; }

 private:
  W* waiter_ = nullptr;
};

}  // namespace offshoot::detail
