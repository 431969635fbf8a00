/// `hub`: the name by which other threads reach a thread's hub.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/task.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {
class mailbox;
}

/// A handle to one thread's hub, to be copied and used on any thread. While one exists, that hub
/// does not throw `would_block_forever`: work may come. A moved-from one must not be used.
class OFFSHOOT_API hub {
 public:
  /// The calling thread's hub, made if need be. Throws std::bad_alloc, std::system_error, and
  /// `not_startable` when the thread is ending.
  static hub current();

  hub(const hub& other) noexcept;
  hub(hub&& other) noexcept = default;
  hub& operator=(hub other) noexcept {
    mailbox_.swap(other.mailbox_);
    return *this;
  }
  ~hub();

  /// Has `work` run by a new task on the hub's thread: posts of one thread in their order. Any
  /// thread; wakes a hub that sleeps. `work` may wait; an exception that it throws goes to the
  /// unhandled handler. Throws std::bad_alloc, `dangling_capture`, `not_startable` if `work` is
  /// null, and `greenlet_error` if the hub's thread has ended; then `work` is destroyed here.
  template <class F>
  void post(F&& work) const {
    send(detail::make_task(std::forward<F>(work)));
  }

 private:
  explicit hub(std::shared_ptr<detail::mailbox> mailbox) noexcept;
  void send(detail::task_ref work) const;

  std::shared_ptr<detail::mailbox> mailbox_;
};

}  // namespace offshoot
