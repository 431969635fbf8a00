/// The primitives of synchronisation, channels and readiness, each as somebody who waits meets it.
#include <offshoot/hub.hpp>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "hub/fixture.hpp"
#include "hub/waiting_world.hpp"

namespace test {
namespace {

class semaphore_world final : public waiting_world {
  void wait(int) override { permits_->acquire(); }
  bool wait_briefly(int, std::chrono::nanoseconds time) override {
    return permits_->try_acquire_for(time);
  }
  void provide(std::size_t waiting) override { permits_->release(waiting); }
  ending close() override { return permits_.reset(), ending::destroyed; }
  bool one_each() const override { return true; }
  std::string lost(const std::vector<int>&) override {
    if (permits_->available() != 0) return "a permit is left over";
    permits_->release();
    return permits_->try_acquire() ? "" : "a permit is lost";
  }
  std::optional<offshoot::semaphore> permits_{std::in_place, 0U};
};

class event_world final : public waiting_world {
  void wait(int) override { event_->wait(); }
  bool wait_briefly(int, std::chrono::nanoseconds time) override { return event_->wait_for(time); }
  void provide(std::size_t) override {
    event_->set();
    event_->clear();
  }
  ending close() override { return event_.reset(), ending::destroyed; }
  std::string lost(const std::vector<int>&) override { return ""; }
  std::optional<offshoot::event> event_{std::in_place};
};

/// The main greenlet holds the lock, alone; who gets it, in the way of `Held`, lets it go again.
template <class Lock, template <class> class Held = std::unique_lock>
class lock_world final : public waiting_world {
 public:
  lock_world() { lock_->lock(); }

 private:
  void wait(int) override { const Held<Lock> held(*lock_); }
  bool wait_briefly(int, std::chrono::nanoseconds time) override {
    return Held<Lock>(*lock_, time).owns_lock();
  }
  void provide(std::size_t) override {
    if (!std::exchange(provided_, true)) lock_->unlock();
  }
  ending close() override { return lock_.reset(), ending::destroyed; }
  std::string lost(const std::vector<int>&) override {
    return lock_->try_lock() ? (lock_->unlock(), "") : "the lock is lost";
  }
  std::optional<Lock> lock_{std::in_place};
  bool provided_ = false;
};

/// The main greenlet reads, the first who comes would write, and the others wait behind that one.
class writer_before_readers_world final : public waiting_world {
 public:
  writer_before_readers_world() { lock_->lock_shared(); }

 private:
  void wait(int who) override {
    if (who == 0) {
      const std::lock_guard held(*lock_);
    } else {
      const std::shared_lock held(*lock_);
    }
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    if (who == 0) return std::unique_lock(*lock_, time).owns_lock();
    return std::shared_lock(*lock_, time).owns_lock();
  }
  void provide(std::size_t) override {
    if (!std::exchange(provided_, true)) lock_->unlock_shared();
  }
  ending close() override { return lock_.reset(), ending::destroyed; }
  std::string lost(const std::vector<int>&) override {
    return lock_->try_lock() ? (lock_->unlock(), "") : "the lock is lost";
  }
  std::optional<offshoot::shared_mutex> lock_{std::in_place};
  bool provided_ = false;
};

/// Notified while the mutex is free, or while it is held: then those who are notified wait on.
template <bool held>
class condition_world final : public waiting_world {
  void wait(int) override {
    std::unique_lock lock(mutex_);
    try {
      condition_->wait(lock);
    } catch (...) {
      unlocked_ = unlocked_ || !lock.owns_lock();
      throw;
    }
    unlocked_ = unlocked_ || !lock.owns_lock();
  }
  bool wait_briefly(int, std::chrono::nanoseconds time) override {
    std::unique_lock lock(mutex_);
    return condition_->wait_for(lock, time) == std::cv_status::no_timeout;
  }
  void provide(std::size_t waiting) override {
    if (held) mutex_.lock();
    for (; waiting != 0; --waiting) condition_->notify_one();
  }
  void settle() override {
    if (mutex_.is_mine()) mutex_.unlock();
  }
  bool one_each() const override { return true; }
  ending close() override { return condition_.reset(), ending::destroyed; }
  std::string lost(const std::vector<int>&) override {
    if (unlocked_) return "a wait ended without the lock";
    return mutex_.is_locked() ? "the mutex is lost" : "";
  }
  offshoot::mutex mutex_;
  std::optional<offshoot::condition> condition_{std::in_place};
  bool unlocked_ = false;
};

/// One more is expected than wait.
class barrier_world final : public waiting_world {
  void wait(int) override { barrier_->arrive_and_wait(); }
  bool wait_briefly(int, std::chrono::nanoseconds time) override {
    return barrier_->arrive_and_wait_for(time);
  }
  void provide(std::size_t) override {
    while (barrier_->waiting() != 0) {
      offshoot::spawn([this] { barrier_->arrive_and_wait(); });
      offshoot::yield();
    }
  }
  ending close() override { return barrier_.reset(), ending::destroyed; }
  std::string lost(const std::vector<int>&) override {
    return barrier_->waiting() == 0 ? "" : "somebody has arrived and does not wait";
  }
  std::optional<offshoot::barrier> barrier_{std::in_place, 4U};
};

using item = std::unique_ptr<int>;

/// By `select` together with one of `Other`, which nobody uses.
template <template <class> class Channel, template <class> class Other = Channel>
class receivers_world final : public waiting_world {
 public:
  receivers_world(std::size_t capacity, bool by_select)
      : channel_(capacity), by_select_(by_select) {}

 private:
  void wait(int) override {
    std::optional<item> got;
    if (by_select_) {
      offshoot::select(
          on_receive(other_, [](const std::optional<item>&) {}),
          on_receive(channel_, [&got](std::optional<item> one) { got = std::move(one); }));
    } else {
      got = channel_.receive();
    }
    if (!got) throw offshoot::channel_closed();
    received_.push_back(**got);
  }
  bool wait_briefly(int, std::chrono::nanoseconds time) override {
    std::optional<item> got;
    if (by_select_) {
      offshoot::select(
          on_receive(channel_, [&got](std::optional<item> one) { got = std::move(one); }),
          offshoot::on_timeout(time, [] {}));
    } else {
      got = channel_.try_receive_for(time);
    }
    if (got) received_.push_back(**got);
    return got.has_value();
  }
  void provide(std::size_t waiting) override {
    for (; waiting != 0; --waiting)
      refused_ += channel_.try_send(std::make_unique<int>(++sent_)) ? 0 : 1;
  }
  ending close() override { return channel_.close(), ending::closed; }
  bool one_each() const override { return true; }
  std::string lost(const std::vector<int>& succeeded) override {
    if (refused_ != 0) return "a receiver that waited was not given an item";
    if (channel_.size() != 0) return "an item is left over";
    if (static_cast<int>(succeeded.size()) != sent_) return "an item is lost";
    return std::is_sorted(received_.begin(), received_.end()) ? "" : "items in wrong order";
  }
  Channel<item> channel_;
  Other<item> other_;
  bool by_select_;
  int sent_ = 0;
  int refused_ = 0;
  std::vector<int> received_;
};

template <template <class> class Channel, template <class> class Other = Channel>
class senders_world final : public waiting_world {
 public:
  senders_world(std::size_t capacity, bool by_select)
      : channel_(capacity), by_select_(by_select), before_(static_cast<int>(capacity)) {
    for (int each = 0; each < before_; ++each) channel_.send(std::make_unique<int>(-1));
  }

 private:
  void wait(int who) override {
    watched(who, [this](item& own) { send(own); });
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    bool sent = false;
    watched(who, [this, &sent, time](item& own) {
      if (by_select_) {
        sent = offshoot::select(on_send(channel_, std::move(own), [] {}),
                                offshoot::on_timeout(time, [] {})) == 0;
      } else {
        sent = channel_.try_send_for(std::move(own), time);
      }
      kept_ = kept_ && (own == nullptr) == sent;
    });
    return sent;
  }
  void send(item& own) {
    if (by_select_) {
      offshoot::select(on_receive(other_, [](const std::optional<item>&) {}),
                       on_send(channel_, std::move(own), [] {}));
    } else {
      channel_.send(std::move(own));
    }
  }
  /// An item that was not sent must still be there.
  template <class F>
  void watched(int who, F act) {
    item own = std::make_unique<int>(who);
    try {
      act(own);
    } catch (...) {
      if (own == nullptr) gone_.push_back(who);
      throw;
    }
  }
  void provide(std::size_t waiting) override {
    for (; waiting != 0; --waiting) receive_one();
  }
  ending close() override { return channel_.close(), ending::closed; }
  bool one_each() const override { return true; }
  bool goes_on() const override { return false; }  // the item was received: it was sent
  void receive_one() {
    if (auto got = channel_.try_receive()) {
      received_.push_back(**got);
    }
  }
  std::string lost(const std::vector<int>& succeeded) override {
    for (int each = 0; each < before_ + 1; ++each) receive_one();
    if (!kept_) return "an item was sent and kept, or neither";
    std::vector<int> expected(static_cast<std::size_t>(before_), -1);
    std::vector<int> sent(succeeded);
    sent.insert(sent.end(), gone_.begin(), gone_.end());
    std::sort(sent.begin(), sent.end());  // the order in which they have come
    expected.insert(expected.end(), sent.begin(), sent.end());
    return received_ == expected ? "" : "not the items that were sent";
  }
  Channel<item> channel_;
  Other<item> other_;
  bool by_select_;
  int before_;
  bool kept_ = true;
  std::vector<int> gone_;
  std::vector<int> received_;
};

/// Waits, each on a pipe of its own, until something can be received, and receives it.
class readable_world final : public waiting_world {
  void wait(int who) override {
    translated<std::system_error>([&] {
      offshoot::select(on_receive(other_, [](const std::optional<item>&) {}),
                       on_readable(from(who), [&] { take(who); }));
    });
  }
  bool wait_briefly(int who, std::chrono::nanoseconds time) override {
    return offshoot::select(on_readable(from(who), [&] { take(who); }),
                            offshoot::on_timeout(time, [] {})) == 0;
  }
  void provide(std::size_t) override {
    if (std::exchange(provided_, true)) return;
    for (auto& each : pipes_) each.second.send_all({&byte_, 1});
    let_hub_look();
  }
  bool in_order() const override { return false; }  // the reactor's, of what is ready at once
  ending close() override {
    for (auto& each : pipes_) each.first.close();
    return ending::destroyed;
  }
  std::string lost(const std::vector<int>& succeeded) override {
    for (int who = 0; who < waiters; ++who) {
      const bool taken = std::find(succeeded.begin(), succeeded.end(), who) != succeeded.end();
      bool left = false;
      offshoot::select(on_readable(from(who), [&] { left = true; }), offshoot::otherwise([] {}));
      if (left == taken) return "a byte is lost";
    }
    return "";
  }

  static constexpr int waiters = 3;
  offshoot::pipe& from(int who) { return pipes_[static_cast<std::size_t>(who)].first; }
  void take(int who) { from(who).receive(); }

  std::array<std::pair<offshoot::pipe, offshoot::pipe>, waiters> pipes_{
      offshoot::pipe::make(), offshoot::pipe::make(), offshoot::pipe::make()};
  offshoot::channel<item> other_;
  std::byte byte_{};
  bool provided_ = false;
};

std::vector<named_world> primitive_worlds() {
  return {
      world<semaphore_world>("semaphore"),
      world<event_world>("event"),
      world<lock_world<offshoot::mutex>>("mutex"),
      world<lock_world<offshoot::recursive_mutex>>("recursive_mutex"),
      world<lock_world<offshoot::shared_mutex>>("shared_mutex, writers"),
      world<lock_world<offshoot::shared_mutex, std::shared_lock>>("shared_mutex, readers"),
      world<writer_before_readers_world>("shared_mutex, a writer before readers"),
      world<condition_world<false>>("condition"),
      world<condition_world<true>>("condition, notified under the lock"),
      world<barrier_world>("barrier"),
      world<receivers_world<offshoot::channel>>("receive, rendezvous", std::size_t{0}, false),
      world<receivers_world<offshoot::channel>>("receive by select, rendezvous", std::size_t{0},
                                                true),
      world<receivers_world<offshoot::channel>>("receive, bounded", std::size_t{2}, false),
      world<receivers_world<offshoot::channel>>("receive by select, bounded", std::size_t{2}, true),
      world<receivers_world<offshoot::channel>>("receive, unbounded", offshoot::unbounded, false),
      world<receivers_world<offshoot::channel>>("receive by select, unbounded", offshoot::unbounded,
                                                true),
      world<senders_world<offshoot::channel>>("send, rendezvous", std::size_t{0}, false),
      world<senders_world<offshoot::channel>>("send by select, rendezvous", std::size_t{0}, true),
      world<senders_world<offshoot::channel>>("send, bounded", std::size_t{2}, false),
      world<senders_world<offshoot::channel>>("send by select, bounded", std::size_t{2}, true),
      world<receivers_world<offshoot::shared_channel>>("shared receive, rendezvous", std::size_t{0},
                                                       false),
      world<receivers_world<offshoot::shared_channel>>("shared receive by select, rendezvous",
                                                       std::size_t{0}, true),
      world<receivers_world<offshoot::shared_channel>>("shared receive, bounded", std::size_t{2},
                                                       false),
      world<receivers_world<offshoot::shared_channel>>("shared receive by select, bounded",
                                                       std::size_t{2}, true),
      world<receivers_world<offshoot::shared_channel>>("shared receive, unbounded",
                                                       offshoot::unbounded, false),
      world<receivers_world<offshoot::shared_channel>>("shared receive by select, unbounded",
                                                       offshoot::unbounded, true),
      world<senders_world<offshoot::shared_channel>>("shared send, rendezvous", std::size_t{0},
                                                     false),
      world<senders_world<offshoot::shared_channel>>("shared send by select, rendezvous",
                                                     std::size_t{0}, true),
      world<senders_world<offshoot::shared_channel>>("shared send, bounded", std::size_t{2}, false),
      world<senders_world<offshoot::shared_channel>>("shared send by select, bounded",
                                                     std::size_t{2}, true),
      world<receivers_world<offshoot::channel, offshoot::shared_channel>>(
          "receive by select, or shared", std::size_t{0}, true),
      world<receivers_world<offshoot::shared_channel, offshoot::channel>>(
          "shared receive by select, or not", std::size_t{0}, true),
      world<senders_world<offshoot::channel, offshoot::shared_channel>>("send by select, or shared",
                                                                        std::size_t{0}, true),
      world<senders_world<offshoot::shared_channel, offshoot::channel>>(
          "shared send by select, or not", std::size_t{0}, true),
      world<readable_world>("readable, by select"),
  };
}

}  // namespace

const std::vector<named_world>& waiting_worlds() {
  static const std::vector all = [] {
    std::vector<named_world> both = primitive_worlds();
    for (named_world each : work_worlds()) both.push_back(std::move(each));
    return both;
  }();
  return all;
}

}  // namespace test
