/// Channels between threads.
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::shared_channel;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "every item sent on some threads is received once on others") {
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{3}, offshoot::unbounded}) {
    CAPTURE(capacity);
    constexpr int threads = 3;
    constexpr int each_sends = 500;
    const shared_channel<std::unique_ptr<int>> items(capacity);
    std::atomic<int> senders{threads};
    std::vector<std::thread> others;
    for (int thread = 0; thread < threads; ++thread) {
      others.emplace_back([items, &senders, thread] {
        for (int each = 0; each < each_sends; ++each) {
          items.send(std::make_unique<int>(thread * each_sends + each));
        }
        if (--senders == 0) items.close();
      });
    }
    std::vector<int> seen(threads * each_sends, 0);
    bool once = true;
    std::vector<offshoot::task<void>> receivers;
    for (int each = 0; each < 2; ++each) {
      receivers.push_back(spawn([&seen, items] {
        while (const auto got = items.receive()) ++seen[static_cast<std::size_t>(**got)];
      }));
    }
    join_all(receivers);
    for (auto& each : others) each.join();
    for (const int times : seen) once = once && times == 1;
    CHECK(once);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "between threads, too, a kill or a time-out loses no item") {
  const shared_channel<int> items;
  constexpr int count = 300;
  // Sends with time-outs, and again what was not sent.
  std::thread other([items] {
    for (int each = 0; each < count; ++each) {
      while (!items.try_send_for(int{each}, 50us)) continue;
    }
    items.close();
  });
  std::vector<int> received;
  while (!items.closed()) {
    const auto receiver = spawn([&] {
      for (;;) {
        const auto got = items.try_receive_for(30us);
        if (got) received.push_back(*got);
        if (!got && items.closed()) return;
      }
    });
    offshoot::sleep_for(100us);
    receiver.kill();
    receiver.join();
  }
  while (const auto got = items.try_receive()) received.push_back(*got);
  other.join();
  std::vector<int> expected;
  for (int each = 0; each < count; ++each) expected.push_back(each);
  CHECK(received == expected);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a shared channel that is closed ends the waits on all threads") {
  const shared_channel<int> items;
  std::thread other([items] { CHECK_THROWS_AS(items.send(1), offshoot::channel_closed); });
  const shared_channel<int> empty;
  const auto waiting = spawn([empty] { return empty.receive(); });
  yield();
  while (!items.closed()) {
    yield();
    items.close();
  }
  other.join();
  empty.close();
  CHECK(waiting.join() == std::nullopt);
  CHECK_THROWS_AS(empty.try_send(1), offshoot::channel_closed);
}
