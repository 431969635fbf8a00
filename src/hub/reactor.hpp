/// What the hub waits with. A backend is one file that defines a class derived from `reactor`; what
/// all of them share, the book of watched descriptors, is here.
#pragma once

#include <offshoot/hub/reactor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hub/mailbox.hpp"
#include "hub/record.hpp"
#include "hub/transport.hpp"

namespace offshoot::detail {

enum direction : unsigned { reading = 0, writing = 1 };

/// A descriptor that the hub watches, and who waits for it. On the heap; held by the socket, and by
/// each greenlet that waits, which so can look at it when the socket is gone.
struct watch {
  record* waiter[2] = {nullptr, nullptr};
  std::shared_ptr<mailbox> home;  ///< names the hub, and is how other threads reach it
  transport* calls = nullptr;     ///< on the descriptor
  int fd = -1;                    ///< -1: closed
  std::uint32_t place = 0;        ///< in the book
  std::uint32_t holders = 1;
  /// Latched: set by the reactor, cleared by whoever has found that there is nothing (more) to do.
  bool ready[2] = {false, true};
  bool ended = false;  ///< its end, or an error, has been told of, and may not be again
  /// Whether a read that brings less than was asked for has brought all that there was.
  bool short_read_drains = true;
};

class reactor {
 public:
  reactor() = default;
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;
  virtual ~reactor() = default;

  /// Watches `what.fd`, both ways, until forget(). Throws std::bad_alloc, std::system_error.
  void add(watch& what);
  void forget(watch& what) noexcept;
  /// Ends the wait in poll() whenever this eventfd is written.
  void add_alarm(int fd) { start_watching(fd, alarm_key); }

  /// In the child of a fork: until renew() nothing that the kernel holds is touched, since it is
  /// the parent's, too. Only forget() may be called.
  void after_fork() noexcept { is_parents_ = true; }
  bool is_parents() const noexcept { return is_parents_; }
  /// Watches with kernel objects of its own what is still watched, and this alarm. Throws
  /// std::system_error, std::bad_alloc; then it can be called again.
  void renew(int alarm);

  /// Waits for at least one event, at most until `timeout` nanoseconds have passed: 0 only looks,
  /// `never` waits without end. Latches what has become ready and wakes who waits for it.
  virtual void poll(std::int64_t timeout) = 0;

  /// The time by which timers go: the steady clock's, unless it is simulated.
  virtual instant now() noexcept;
  /// Where TCP connections are made.
  virtual network& connections() noexcept { return system_network(); }
  /// Whether poll() could ever tell of an event that no other thread makes. For a system's
  /// descriptors nobody can say no.
  virtual bool may_bring_events() const noexcept { return true; }

  const char* name = "";  ///< of this kind
  /// Greenlets that wait for a thread to do something: meanwhile simulated time stands still.
  std::size_t threads_at_work = 0;

 protected:
  /// `key` names the descriptor when its events are told; its lower half is a small number that no
  /// other descriptor has meanwhile, and all ones only for the alarm.
  virtual void start_watching(int fd, std::uint64_t key) = 0;
  virtual void stop_watching(int fd, std::uint64_t key) noexcept = 0;

  /// Makes anew what it has of the kernel's, which then watches nothing. False: it has nothing.
  virtual bool reopen() { return false; }

  struct event {
    bool readable;
    bool writable;
    bool ended;           ///< the peer will send no more, or the descriptor is in error
    bool urgent = false;  ///< there is urgent data, before which a read ends
  };
  /// Tells what has come under a key given to start_watching(). A key whose descriptor has been
  /// forgotten since is ignored.
  void report(std::uint64_t key, event what) noexcept;
  /// Whose descriptor is watched under `key`, which is in use.
  const watch& watched(std::uint64_t key) const noexcept {
    return *book_[static_cast<std::uint32_t>(key)].watched;
  }

  static constexpr std::uint64_t alarm_key = ~std::uint64_t{0};

 private:
  /// The generation tells an event of a forgotten descriptor from one of its successor here.
  struct entry {
    watch* watched;
    std::uint32_t generation;
  };
  std::uint64_t key_of(std::uint32_t place) const noexcept {
    return std::uint64_t{book_[place].generation} << 32U | place;
  }

  bool is_parents_ = false;
  std::vector<entry> book_;
  std::vector<std::uint32_t> vacant_;
};

/// The one that is chosen. Throws `greenlet_error` if there is none of that name.
std::unique_ptr<reactor> make_reactor(const hub_options& chosen);

/// Linux epoll: each descriptor is registered once, edge-triggered, for both directions.
std::unique_ptr<reactor> make_epoll_reactor();
/// poll(2), which is told of every descriptor each time: for few descriptors, or where there is no
/// epoll.
std::unique_ptr<reactor> make_poll_reactor();
/// Simulated time and connections.
std::unique_ptr<reactor> make_virtual_reactor(const simulation& chosen);

}  // namespace offshoot::detail
