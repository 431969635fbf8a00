/// `select` over descriptors, channels and time, whatever the hub waits with.
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using namespace std::chrono_literals;
using offshoot::on_readable;
using offshoot::on_receive;
using offshoot::on_timeout;
using offshoot::on_writable;
using offshoot::select;
using offshoot::spawn;
using test::bytes_of;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing, "one greenlet serves descriptors, a channel and the clock") {
  run_in_time([] {
    auto ends = test::connect_pair();
    offshoot::tcp_listener listener(0);
    auto [from, to] = offshoot::pipe::make();
    const offshoot::channel<int> orders;
    const auto clients = spawn([&ends, port = listener.local_port(), orders, &end = to] {
      ends.client.send_all(bytes_of("stream"));
      offshoot::sleep_for(2ms);
      orders.send(7);
      const auto other = offshoot::tcp_stream::connect("127.0.0.1", port);
      offshoot::sleep_for(2ms);
      end.send_all(bytes_of("pipe"));
      offshoot::sleep_for(2ms);
    });
    std::vector<std::string> seen;
    while (seen.size() < 5) {
      select(
          on_readable(ends.server,
                      [&] { seen.emplace_back(std::string(ends.server.receive().text())); }),
          on_readable(listener,
                      [&] { seen.emplace_back(listener.accept().is_open() ? "peer" : "none"); }),
          on_readable(from,
                      [&, &end = from] { seen.emplace_back(std::string(end.receive().text())); }),
          on_receive(orders, [&](std::optional<int> got) { seen.push_back(std::to_string(*got)); }),
          on_timeout(seen.size() < 4 ? 20s : 1ms, [&] { seen.emplace_back("time"); }));
    }
    CHECK(seen == std::vector<std::string>{"stream", "7", "peer", "pipe", "time"});
    clients.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what was readable once is not called readable for ever") {
  run_in_time([] {
    auto ends = test::connect_pair();
    for (int round = 0; round < 3; ++round) {
      // A whole buffer's worth: whoever receives it does not know that this was all.
      ends.client.send_all(std::vector<std::byte>(offshoot::buffer::capacity));
      std::size_t got = 0;
      while (got < offshoot::buffer::capacity) {
        select(on_readable(ends.server, [&] { got += ends.server.receive().size(); }));
      }
      CHECK(got == offshoot::buffer::capacity);
      CHECK(select(on_readable(ends.server, [] {}), on_timeout(1ms, [] {})) == 1);
      CHECK(select(on_readable(ends.server, [] {}), offshoot::otherwise([] {})) == 1);
    }
    ends.client.shutdown_send();
    CHECK(select(on_readable(ends.server, [] {}), on_timeout(20s, [] {})) == 0);  // the end
    CHECK(ends.server.receive().empty());
    CHECK(select(on_readable(ends.server, [] {}), on_timeout(20s, [] {})) == 0);  // it stays so
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "writable is what a peer that reads makes room for") {
  run_in_time([] {
    auto [from, to] = offshoot::pipe::make();
    CHECK(select(on_writable(to, [] {}), offshoot::otherwise([] {})) == 0);
    const auto filler = spawn([&end = to] { end.send_all(std::vector<std::byte>(1 << 20)); });
    offshoot::yield();
    filler.kill();
    filler.wait();
    CHECK(select(on_writable(to, [] {}), on_timeout(1ms, [] {})) == 1);
    const auto reader = spawn([&end = from] {
      for (;;) end.receive();
    });
    CHECK(select(on_writable(to, [] {}), on_timeout(20s, [] {})) == 0);
    reader.kill();
    reader.wait();
    from.close();
    CHECK(select(on_writable(to, [] {}), on_timeout(20s, [] {})) == 0);  // and sending fails
    CHECK(error_of([&, &end = to] { end.send_all(bytes_of("x")); }).value() == EPIPE);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a descriptor is one greenlet's, one thread's, and open") {
  run_in_time([] {
    auto ends = test::connect_pair();
    const auto receiver = spawn([&ends] { return ends.server.receive().size(); });
    offshoot::yield();
    const auto selects = [&ends] {
      select(on_readable(ends.server, [] {}), on_timeout(1s, [] {}));
    };
    CHECK(error_of(selects).value() == EBUSY);
    ends.client.send_all(bytes_of("first"));
    CHECK(receiver.join() == 5);
    const auto waiting = spawn([&selects] { return error_of(selects).value(); });
    offshoot::yield();
    CHECK(error_of([&ends] { ends.server.receive(); }).value() == EBUSY);
    CHECK(error_of(selects).value() == EBUSY);
    ends.client.send_all(bytes_of("second"));
    CHECK(waiting.join() == 0);
    CHECK(ends.server.receive().text() == "second");
    std::thread([&selects] { CHECK_THROWS_AS(selects(), offshoot::wrong_thread); }).join();
    ends.server.close();
    CHECK(error_of(selects).value() == EBADF);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a case that cannot begin leaves the others as they were") {
  run_in_time([] {
    auto ends = test::connect_pair();
    const auto receiver = spawn([&ends] { return ends.server.receive().size(); });
    offshoot::yield();
    const offshoot::channel<std::unique_ptr<int>> items;
    const offshoot::shared_channel<std::unique_ptr<int>> shared;
    auto one = std::make_unique<int>(1);
    auto two = std::make_unique<int>(2);
    CHECK(error_of([&] {
            select(on_send(items, std::move(one), [] {}), on_send(shared, std::move(two), [] {}),
                   on_readable(ends.client, [] {}), on_readable(ends.server, [] {}));
          }).value() == EBUSY);
    CHECK((one != nullptr && *one == 1));
    CHECK((two != nullptr && *two == 2));
    CHECK(items.try_receive() == std::nullopt);
    CHECK(shared.try_receive() == std::nullopt);
    CHECK(select(on_readable(ends.client, [] {}), on_timeout(1ms, [] {})) == 1);
    ends.client.send_all(bytes_of("x"));
    CHECK(receiver.join() == 1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a pipe that has come from elsewhere can be waited for") {
  run_in_time([] {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const offshoot::descriptor other(ends[1]);
    auto own = offshoot::pipe::adopt(ends[0]);
    CHECK(select(on_readable(own, [] {}), on_timeout(1ms, [] {})) == 1);
    const auto writer = spawn([&other] { CHECK(write(other.get(), "!", 1) == 1); });
    CHECK(select(on_readable(own, [] {}), on_timeout(20s, [] {})) == 0);
    writer.join();
    CHECK(own.receive().text() == "!");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "an error that was told does not make a socket readable") {
  run_in_time([] {
    offshoot::udp_socket own;
    {
      const offshoot::udp_socket gone;
      own.connect("127.0.0.1", gone.local_port());
    }
    own.send(bytes_of("anybody?"));
    CHECK(select(on_readable(own, [] {}), on_timeout(20s, [] {})) == 0);
    CHECK(error_of([&] { own.receive(); }).value() == ECONNREFUSED);
    offshoot::udp_socket peer;
    own.connect("127.0.0.1", peer.local_port());
    peer.send_to(bytes_of("here"), "127.0.0.1", own.local_port());
    CHECK(own.receive().bytes.text() == "here");
    CHECK(select(on_readable(own, [] {}), on_timeout(1ms, [] {})) == 1);
  });
}
