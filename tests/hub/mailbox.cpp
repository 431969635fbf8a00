/// How often a post wakes: an eventfd counts the writes.
#include "hub/mailbox.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/scheduler.hpp"

using offshoot::detail::letter;
using offshoot::detail::mailbox;

namespace {

class note final : public letter {
 private:
  void open(offshoot::detail::scheduler&) noexcept override {}
  void refuse() noexcept override {}
};

/// Since the last look.
std::uint64_t wake_ups(int eventfd) {
  std::uint64_t count = 0;
  return read(eventfd, &count, sizeof count) == sizeof count ? count : 0;
}

std::size_t take_all(mailbox& from) {
  std::size_t count = 0;
  for (letter* each = from.take(); each != nullptr; each = mailbox::next(*each)) ++count;
  return count;
}

}  // namespace

TEST_CASE("posts to a hub that does not sleep wake nobody") {
  mailbox box;
  std::deque<note> notes(1000);
  for (note& each : notes) CHECK(box.post(each));
  CHECK(wake_ups(box.wake_descriptor()) == 0);
  CHECK_FALSE(box.fall_asleep());  // there is mail
  CHECK(take_all(box) == 1000);
  CHECK(box.post(notes[0]));  // nor is it half asleep now
  CHECK(wake_ups(box.wake_descriptor()) == 0);
  CHECK(take_all(box) == 1);
}

TEST_CASE("of all posts to a sleeping hub one wakes it") {
  constexpr std::size_t threads = 4;
  constexpr std::size_t posts = 5000;
  mailbox box;
  for (int round = 0; round < 20; ++round) {
    REQUIRE(box.fall_asleep());
    std::vector<std::deque<note>> notes(threads);
    std::latch begin(threads);
    std::vector<std::thread> posting;
    for (std::deque<note>& own : notes) {
      own.resize(posts);
      posting.emplace_back([&] {
        begin.arrive_and_wait();
        for (note& each : own) box.post(each);
      });
    }
    for (std::thread& each : posting) each.join();
    CHECK(wake_ups(box.wake_descriptor()) == 1);
    box.awake();
    CHECK(take_all(box) == threads * posts);
  }
}

TEST_CASE("a hub that is at work is not woken by further posts") {
  std::latch there(1);
  std::unique_ptr<offshoot::hub> target;
  int eventfd = -1;
  int ran = 0;
  std::thread sleeper([&] {
    offshoot::start_hub({.reactor = "epoll"});  // which never takes the count back
    eventfd = offshoot::detail::scheduler::here().post_box()->wake_descriptor();
    target = std::make_unique<offshoot::hub>(offshoot::hub::current());
    offshoot::event done;
    target->post([&there, &done, &ran] {
      there.count_down();
      while (ran < 1001) offshoot::yield();
      done.set();
    });
    done.wait();
  });
  there.wait();
  std::latch at_work(1);
  std::latch go_on(1);
  target->post([&] {
    ++ran;
    at_work.count_down();
    go_on.wait();  // holds the thread
  });
  at_work.wait();
  const std::uint64_t before = wake_ups(eventfd);
  CHECK(before <= 1);
  for (int each = 0; each < 1000; ++each) target->post([&ran] { ++ran; });
  CHECK(wake_ups(eventfd) == 0);
  go_on.count_down();
  sleeper.join();
  CHECK(ran == 1001);
}
