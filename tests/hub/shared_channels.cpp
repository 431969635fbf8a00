/// Channels between threads.
#include <atomic>
#include <chrono>
#include <cstdlib>
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

namespace {

/// One thread sends by `send`, again and again until it says that it has; here `receive` is called
/// as long as it says that there may be more, by greenlets that are killed all the time.
template <class Send, class Receive>
void check_that_no_item_is_lost(Send send, Receive receive) {
  const shared_channel<int> items;
  constexpr int count = 300;
  std::thread other([items, send] {
    for (int each = 0; each < count; ++each) {
      while (!send(items, each)) continue;
    }
    items.close();
  });
  std::vector<int> received;
  while (!items.closed()) {
    const auto receiver = spawn([&] {
      while (receive(items, received)) continue;
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

}  // namespace

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
  check_that_no_item_is_lost([](const shared_channel<int>& items,
                                int item) { return items.try_send_for(std::move(item), 50us); },
                             [](const shared_channel<int>& items, std::vector<int>& received) {
                               const auto got = items.try_receive_for(30us);
                               if (got) received.push_back(*got);
                               return got || !items.closed();
                             });
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

TEST_CASE_FIXTURE(hub_leaves_nothing, "selects of several threads meet, and each item goes once") {
  // All send and receive by select over two shared channels and one of their thread's own, so that
  // offers of several threads arrive at one select at once.
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{2}}) {
    CAPTURE(capacity);
    constexpr int threads = 3;
    constexpr int each_sends = 400;
    const shared_channel<std::unique_ptr<int>> left(capacity);
    const shared_channel<std::unique_ptr<int>> right(capacity);
    std::vector<std::vector<int>> received(threads);
    std::atomic<int> senders{threads};
    std::vector<std::thread> all;
    for (int thread = 0; thread < threads; ++thread) {
      all.emplace_back([&, thread, left, right] {
        const offshoot::channel<std::unique_ptr<int>> own;
        const auto sender = spawn([&, thread, left, right, own] {
          for (int each = 0; each < each_sends; ++each) {
            auto item = std::make_unique<int>(thread * each_sends + each);
            auto same = std::make_unique<int>(*item);
            auto third = std::make_unique<int>(*item);
            // One of three is sent; those that are not must still be here.
            const std::size_t chosen = offshoot::select(on_send(left, std::move(item), [] {}),
                                                        on_send(own, std::move(same), [] {}),
                                                        on_send(right, std::move(third), [] {}));
            const bool kept[] = {item != nullptr, same != nullptr, third != nullptr};
            for (std::size_t which = 0; which < 3; ++which) {
              if (kept[which] == (which == chosen)) std::abort();
            }
          }
          own.close();
          if (--senders == 0) {
            left.close();
            right.close();
          }
        });
        auto& mine = received[static_cast<std::size_t>(thread)];
        int open = 3;
        bool own_open = true;
        bool left_open = true;
        bool right_open = true;
        const offshoot::channel<std::unique_ptr<int>> nothing;
        const offshoot::shared_channel<std::unique_ptr<int>> none;
        const auto note = [&mine, &open](bool& is_open) {
          return [&mine, &open, &is_open](const std::optional<std::unique_ptr<int>>& got) {
            if (got) {
              mine.push_back(**got);
            } else {
              is_open = false;
              --open;
            }
          };
        };
        while (open != 0) {
          offshoot::select(on_receive(left_open ? left : none, note(left_open)),
                           on_receive(own_open ? own : nothing, note(own_open)),
                           on_receive(right_open ? right : none, note(right_open)));
        }
        sender.join();
      });
    }
    for (auto& each : all) each.join();
    std::vector<int> seen(threads * each_sends, 0);
    for (const auto& mine : received) {
      for (const int each : mine) ++seen[static_cast<std::size_t>(each)];
    }
    bool once = true;
    for (const int times : seen) once = once && times == 1;
    CHECK(once);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a select that other threads serve can be killed and timed out without a loss") {
  const offshoot::channel<int> never;
  check_that_no_item_is_lost(
      [](const shared_channel<int>& items, int item) {
        return offshoot::select(on_send(items, std::move(item), [] {}),
                                offshoot::on_timeout(50us, [] {})) == 0;
      },
      [&](const shared_channel<int>& items, std::vector<int>& received) {
        bool open = true;
        offshoot::select(on_receive(never, [](std::optional<int>) {}),
                         on_receive(items,
                                    [&](std::optional<int> got) {
                                      open = got.has_value();
                                      if (got) received.push_back(*got);
                                    }),
                         offshoot::on_timeout(30us, [] {}));
        return open;
      });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a select does not meet itself in a shared channel") {
  const shared_channel<int> items;
  int item = 1;
  int met = 0;
  CHECK(offshoot::select(on_send(items, std::move(item), [&] { ++met; }),
                         on_receive(items, [&](std::optional<int>) { ++met; }),
                         offshoot::on_timeout(1ms, [] {})) == 2);
  CHECK(met == 0);
  // But others do: who only tries to send finds who waits in a select.
  const auto receiver = spawn([items] {
    int got = 0;
    offshoot::select(on_receive(items, [&](std::optional<int> one) { got = *one; }));
    return got;
  });
  yield();
  CHECK(items.try_send(5));
  CHECK_FALSE(items.try_send(6));
  CHECK(receiver.join() == 5);
}
