/// The virtual reactor: time does not pass, it jumps. What is no simulated socket (a signal, a
/// pipe, work of other threads) it looks at as poll does, and waits for when nothing else is left.
#include <algorithm>

#include "hub/poll_reactor.hpp"
#include "hub/simulated_network.hpp"

namespace offshoot::detail {
namespace {

class virtual_reactor final : public poll_reactor {
 public:
  explicit virtual_reactor(const simulation& chosen) noexcept : network_(chosen) {}

  void poll(std::int64_t timeout) override {
    const bool outside = watches_any() && look(0);
    if (timeout == 0) {
      time_ += cost_of_a_look;
    } else if (!outside) {
      const instant deadline = timeout < never - time_ ? time_ + timeout : never;
      const instant next = std::min(network_.next(), deadline);
      if (next == never || threads_at_work != 0) {
        look(never);
      } else {
        time_ = std::max(time_, next);
      }
    }
    for (const simulated_network::told& each : network_.advance(time_)) {
      report(each.key, {.readable = each.readable, .writable = each.writable, .ended = each.ended});
    }
  }

  instant now() noexcept override { return time_ += cost_of_the_clock; }
  network& connections() noexcept override { return network_; }
  bool may_bring_events() const noexcept override {
    return watches_any() || network_.next() != never;
  }

 private:
  // Who looks round and round for something, or at the clock, shall see time pass.
  static constexpr instant cost_of_a_look = 1000;
  static constexpr instant cost_of_the_clock = 100;

  void start_watching(int fd, std::uint64_t key) override {
    if (simulated_network::has(fd)) {
      network_.watch(fd, key);
    } else {
      poll_reactor::start_watching(fd, key);
    }
  }

  void stop_watching(int fd, std::uint64_t key) noexcept override {
    if (simulated_network::has(fd)) {
      network_.forget(fd);
    } else {
      poll_reactor::stop_watching(fd, key);
    }
  }

  simulated_network network_;
  instant time_ = 0;
};

}  // namespace

std::unique_ptr<reactor> make_virtual_reactor(const simulation& chosen) {
  return std::make_unique<virtual_reactor>(chosen);
}

}  // namespace offshoot::detail
