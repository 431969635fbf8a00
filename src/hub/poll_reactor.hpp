/// The poll reactor, on which the virtual one falls back for what is not simulated.
#pragma once

#include <vector>

#include <poll.h>

#include "hub/reactor.hpp"

namespace offshoot::detail {

class poll_reactor : public reactor {
 public:
  poll_reactor();
  void poll(std::int64_t timeout) override { look(timeout); }

 protected:
  void start_watching(int fd, std::uint64_t key) override;
  void stop_watching(int fd, std::uint64_t key) noexcept override;

  /// poll(), and whether there was anything.
  bool look(std::int64_t timeout);
  /// Whether there is a descriptor to look at, but the alarm's.
  bool watches_any() const noexcept { return watching_ != 0; }

 private:
  std::size_t ask() noexcept;

  std::vector<std::uint64_t> keys_;  ///< by place in the book; alarm_key: of nobody's
  // Only what is asked for, since poll(2) takes no more than there may be descriptors.
  std::vector<pollfd> asked_;            ///< the alarm's first
  std::vector<std::uint64_t> asked_by_;  ///< whose that is
  std::size_t watching_ = 0;
};

}  // namespace offshoot::detail
