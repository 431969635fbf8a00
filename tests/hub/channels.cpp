/// Channels and select: order, capacity, closing, what is refused.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"

using namespace std::chrono_literals;
using offshoot::channel;
using offshoot::channel_closed;
using offshoot::on_receive;
using offshoot::on_send;
using offshoot::on_timeout;
using offshoot::otherwise;
using offshoot::select;
using offshoot::spawn;
using offshoot::yield;
using test::hub_leaves_nothing;

namespace {

void let_all_run() {
  for (int each = 0; each < 10; ++each) yield();
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "items come in the order in which they were sent") {
  for (const std::size_t capacity :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, offshoot::unbounded}) {
    CAPTURE(capacity);
    const channel<int> items(capacity);
    spawn([items] {
      for (int each = 0; each < 100; ++each) items.send(each);
      items.close();
    });
    int expected = 0;
    for (const int item : items) CHECK(item == expected++);
    CHECK(expected == 100);
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a channel holds its capacity, and then senders wait") {
  const channel<int> items(2);
  CHECK(items.try_send(1));
  CHECK(items.try_send(2));
  CHECK_FALSE(items.try_send(3));
  CHECK_FALSE(items.try_send_for(3, 1us));
  const auto sender = spawn([items] { items.send(3); });
  yield();
  CHECK_FALSE(sender.done());
  CHECK(items.size() == 2);
  CHECK(items.receive() == 1);
  sender.join();
  CHECK(items.size() == 2);
  CHECK(items.try_receive() == 2);
  CHECK(items.try_receive() == 3);
  CHECK(items.try_receive() == std::nullopt);
  CHECK(items.try_receive_for(1us) == std::nullopt);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a rendezvous waits for its receiver") {
  const channel<std::unique_ptr<int>> items;
  auto item = std::make_unique<int>(5);
  CHECK_FALSE(items.try_send(std::move(item)));
  REQUIRE(item != nullptr);
  std::string path;
  const auto sender = spawn([items, &path, item = std::move(item)]() mutable {
    items.send(std::move(item));
    path += "sent ";
  });
  let_all_run();
  path += "receive ";
  CHECK(**items.receive() == 5);
  sender.join();
  CHECK(path == "receive sent ");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a closed channel gives what it has, and takes nothing") {
  const channel<int> items(1);
  items.send(1);
  const auto sender = spawn([items] { items.send(2); });
  yield();
  items.close();
  items.close();
  CHECK(items.closed());
  CHECK_THROWS_AS(sender.join(), channel_closed);
  CHECK_THROWS_AS(items.send(3), channel_closed);
  CHECK_THROWS_AS(items.try_send(3), channel_closed);
  CHECK(items.receive() == 1);
  CHECK(items.receive() == std::nullopt);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "an item that points into its sender's lane is refused") {
  const channel<int*> items(1);
  const auto sender = spawn([items] {
    int local = 0;
    items.send(&local);
  });
  CHECK_THROWS_AS(sender.join(), offshoot::dangling_capture);
  CHECK(items.size() == 0);
  const auto receiver = spawn([items] { items.receive(); });
  const auto to_one_who_waits = spawn([items] {
    int local = 0;
    items.send(&local);
  });
  CHECK_THROWS_AS(to_one_who_waits.join(), offshoot::dangling_capture);
  CHECK_FALSE(receiver.done());
  receiver.kill();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the last handle destroys what nobody received") {
  const auto alive = std::make_shared<int>();
  {
    const channel<std::shared_ptr<int>> items(offshoot::unbounded);
    for (int each = 0; each < 5; ++each) items.send(alive);
    CHECK(alive.use_count() == 6);
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "select does what can be done, or waits for the first") {
  const channel<int> numbers(1);
  const channel<std::string> words(1);
  std::string path;
  const auto any = [&] {
    return select(
        on_receive(numbers, [&](std::optional<int> got) { path += std::to_string(*got); }),
        on_receive(words, [&](std::optional<std::string> got) { path += got.value(); }));
  };
  words.send("word");
  CHECK(any() == 1);
  numbers.send(7);
  CHECK(any() == 0);
  spawn([words] { words.send("later"); });
  CHECK(any() == 1);
  CHECK(path == "word7later");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "select sends, times out, or does without") {
  const channel<std::unique_ptr<int>> items;
  auto item = std::make_unique<int>(1);
  std::string path;
  const auto note = [&path](const char* word) { return [&path, word] { path += word; }; };
  CHECK(select(on_send(items, std::move(item), note("sent ")), otherwise(note("otherwise "))) == 1);
  CHECK(select(on_send(items, std::move(item), note("sent ")), on_timeout(1ms, note("late "))) ==
        1);
  REQUIRE(item != nullptr);
  const auto receiver = spawn([items] { return **items.receive(); });
  CHECK(select(on_send(items, std::move(item), note("sent ")), on_timeout(1h, note("late "))) == 0);
  CHECK(receiver.join() == 1);
  CHECK(item == nullptr);
  CHECK(path == "otherwise late sent ");
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "select is fair among what can be done") {
  const channel<int> one(offshoot::unbounded);
  const channel<int> other(offshoot::unbounded);
  for (int each = 0; each < 100; ++each) {
    one.send(1);
    other.send(2);
  }
  int first = 0;
  const auto ignore = [](std::optional<int>) {};
  for (int each = 0; each < 100; ++each) {
    if (select(on_receive(one, ignore), on_receive(other, ignore)) == 0) ++first;
  }
  CHECK(first == 50);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "select notices that a channel is closed") {
  const channel<int> items;
  const channel<int> other;
  bool ended = false;
  const auto waiting = spawn([&] {
    select(on_receive(items, [&](std::optional<int> got) { ended = !got; }),
           on_receive(other, [](std::optional<int>) {}));
  });
  yield();
  items.close();
  waiting.join();
  CHECK(ended);
  const auto sending = spawn([&] { select(on_send(other, 1, [] {})); });
  yield();
  other.close();
  CHECK_THROWS_AS(sending.join(), channel_closed);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "two selects that meet do one thing each") {
  const channel<int> there;
  const channel<int> back;
  int received = 0;
  const auto play = [&](const channel<int>& out, const channel<int>& in) {
    return spawn([&received, out, in] {
      select(on_send(out, 1, [] {}), on_receive(in, [&](std::optional<int>) { ++received; }));
    });
  };
  const auto one = play(there, back);
  const auto other = play(back, there);
  one.join();
  other.join();
  CHECK(received == 1);
  CHECK(there.try_receive() == std::nullopt);
  CHECK(back.try_receive() == std::nullopt);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "items that are sent to and fro starve no timer") {
  const channel<int> items(1);
  const offshoot::timeout limit(2ms);
  const auto never_wait = [&items] {
    for (;;) {
      items.send(1);
      items.receive();
    }
  };
  CHECK_THROWS_AS(never_wait(), offshoot::timed_out);
}
