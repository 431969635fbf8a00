/// Work from other threads: a lock-free stack of letters, turned round when the hub takes it, and
/// an eventfd that is written only when the hub sleeps.
#pragma once

#include <offshoot/hub/task.hpp>

#include <atomic>
#include <cstddef>

#include "hub/descriptor.hpp"
#include "hub/forks.hpp"

namespace offshoot::detail {

/// Outlives its hub for as long as somebody can post.
class mailbox {
 public:
  mailbox();
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;
  ~mailbox();

  /// Any thread. False if the hub has ended; the work is then destroyed.
  bool post(task_ref work) noexcept;
  /// The same; the letter is then the caller's.
  bool post(letter& posted) noexcept;
  /// Any thread. Ends the hub's sleep, if it sleeps.
  void wake() noexcept;

  // The hub's side.
  /// What has been posted, oldest first, in a chain by next(); null if nothing.
  letter* take() noexcept;
  static letter* next(letter& posted) noexcept;
  bool empty() const noexcept { return newest_.load(std::memory_order_seq_cst) == nullptr; }
  /// Announces that the hub will sleep, to be ended by awake(). False: something is there already.
  bool fall_asleep() noexcept;
  void awake() noexcept { asleep_.store(false, std::memory_order_relaxed); }
  /// Any thread.
  bool asleep() const noexcept { return asleep_.load(std::memory_order_relaxed); }
  /// Becomes ready with every post to a sleeping hub.
  int wake_descriptor() const noexcept { return wake_.get(); }
  /// The hub is about to end. From now on work is refused, but not what ends waits.
  void refuse_work() noexcept { takes_work_.store(false, std::memory_order_relaxed); }
  /// Refuses all posts from now on.
  void close() noexcept;

  /// In the child of a fork that the hub's thread made: posts are taken here, too. Those to hubs
  /// of other threads, which are the parent's alone, are refused.
  void after_fork() noexcept { process_ = forks(); }
  /// Then, before the hub sleeps: an eventfd that does not wake the parent as well. Throws
  /// std::system_error.
  void renew();

  /// How many handles there are through which work can come.
  std::atomic<std::size_t> senders{0};

 private:
  std::atomic<letter*> newest_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> takes_work_{true};
  unsigned process_ = forks();
  descriptor wake_;
};

}  // namespace offshoot::detail
