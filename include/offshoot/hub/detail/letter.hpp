/// What one thread can post to the hub of another.
#pragma once

#include <offshoot/export.hpp>

namespace offshoot::detail {

class mailbox;
class scheduler;

/// On the heap. Posted, it belongs to the mailbox until it is opened or refused.
class OFFSHOOT_API letter {
 public:
  letter() = default;
  letter(const letter&) = delete;
  letter& operator=(const letter&) = delete;

 protected:
  virtual ~letter();

 private:
  friend mailbox;
  friend scheduler;

  /// Has arrived, on the hub's thread. Must not wait.
  virtual void open(scheduler& hub) noexcept = 0;
  /// The hub has ended. Any thread.
  virtual void refuse() noexcept = 0;

  letter* next_posted_ = nullptr;
};

}  // namespace offshoot::detail
