/// TCP streams with peers of every kind: slow, rude, silent, gone.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::tcp_stream;
using offshoot::yield;
using test::bytes_of;
using test::connect_pair;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

void echo(tcp_stream peer) {
  while (const auto got = peer.receive()) peer.send_all(got.bytes());
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "many clients are echoed at once, every byte compared") {
  run_in_time([] {
    constexpr std::uint32_t clients = 200;
    tcp_listener listener(0);
    const auto port = listener.local_port();
    std::vector<offshoot::task<void>> served;
    const auto acceptor = spawn([listener = std::move(listener), &served]() mutable {
      for (;;) {
        served.push_back(spawn([peer = listener.accept()]() mutable { echo(std::move(peer)); }));
      }
    });
    std::vector<offshoot::task<int>> running;
    for (std::uint32_t seed = 1; seed <= clients; ++seed) {
      running.push_back(spawn([port, seed] {
        auto stream = tcp_stream::connect("127.0.0.1", port);
        int good = 0;
        for (std::uint32_t round = 0; round < 20; ++round) {
          const auto sent = test::random_bytes(1 + (seed * 37 + round * 101) % 3000, seed + round);
          stream.send_all(sent);
          std::vector<std::byte> back(sent.size());
          for (std::size_t at = 0; at < back.size();) {
            const std::size_t got = stream.receive_some(std::span(back).subspan(at));
            if (got == 0) return good;
            at += got;
          }
          good += back == sent ? 1 : 0;
        }
        return good;
      }));
    }
    for (const auto& each : running) CHECK(each.join() == 20);
    acceptor.kill();
    acceptor.join();
    CHECK(served.size() == clients);
    for (const auto& each : served) each.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what does not fit at once is sent in parts, none lost") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto sent = std::make_shared<std::vector<std::byte>>(test::random_bytes(8 << 20, 5));
    const auto sender = spawn([sent, stream = std::move(ends.client)]() mutable {
      stream.send_all(*sent);
      stream.shutdown_send();
    });
    std::vector<std::byte> got;
    std::vector<std::byte> piece(70'001);
    CHECK_FALSE(sender.done());
    while (const std::size_t bytes = ends.server.receive_some(piece)) {
      got.insert(got.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(bytes));
    }
    sender.join();
    CHECK(got == *sent);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "either half can be closed first") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.client.send_all(bytes_of("question"));
    ends.client.shutdown_send();
    CHECK(test::receive_all(ends.server).size() == 8);
    CHECK(ends.server.receive().empty());  // the end stays
    ends.server.send_all(bytes_of("the answer"));
    ends.server.close();
    CHECK(test::receive_all(ends.client).size() == 10);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "an end that comes together with the last bytes is not missed") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto reader = spawn(
        [stream = std::move(ends.server)]() mutable { return test::receive_all(stream).size(); });
    yield();  // it waits: bytes and end will come in one event
    ends.client.send_all(bytes_of("last words"));
    ends.client.shutdown_send();
    CHECK(reader.join() == 10);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a second batch after a drained first one is seen") {
  run_in_time([] {
    auto ends = connect_pair();
    for (int round = 0; round < 50; ++round) {
      ends.client.send_all(bytes_of("ping"));
      CHECK(ends.server.receive().text() == "ping");  // short: drained
      ends.server.send_all(bytes_of("pong!"));
      std::array<std::byte, 5> exactly;  // full: more may be there
      CHECK(ends.client.receive_some(exactly) == 5);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "writing to a peer that has gone is an error, not a signal") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.server.close();
    int error = 0;
    for (int tries = 0; tries < 1000 && error == 0; ++tries) {
      error = error_of([&] { ends.client.send_all(bytes_of("anybody?")); }).value();
      offshoot::sleep_for(std::chrono::microseconds(10));
    }
    CHECK((error == EPIPE || error == ECONNRESET));
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a peer that never reads holds up nobody else") {
  run_in_time([] {
    auto silent = connect_pair();
    auto polite = connect_pair();
    const auto stuck =
        spawn([stream = std::move(silent.server)]() mutable { echo(std::move(stream)); });
    const auto served =
        spawn([stream = std::move(polite.server)]() mutable { echo(std::move(stream)); });
    const auto flood = spawn([stream = std::move(silent.client)]() mutable {
      const std::vector<std::byte> chunk(1 << 20);
      for (;;) stream.send_all(chunk);
    });
    for (int round = 0; round < 500; ++round) {
      polite.client.send_all(bytes_of("hello"));
      CHECK(polite.client.receive().text() == "hello");
    }
    CHECK_FALSE(stuck.done());
    CHECK_FALSE(flood.done());
    polite.client.close();
    served.join();
    stuck.kill();
    flood.kill();
    stuck.join();
    flood.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stream that always has bytes does not keep the thread") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.client.send_all(std::vector<std::byte>(1000));
    std::byte one{};
    ends.server.receive_some({&one, 1});  // from here on it never needs to wait
    bool ran = false;
    const auto other = spawn([&ran] { ran = true; });
    for (int reads = 1; reads < 1000; ++reads) ends.server.receive_some({&one, 1});
    CHECK(ran);
    other.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "who waits on a socket that is closed, or destroyed, is told") {
  run_in_time([] {
    for (const bool destroys : {false, true}) {
      auto ends = connect_pair();
      auto shared = std::make_unique<tcp_stream>(std::move(ends.server));
      const auto waiter = spawn([raw = shared.get()] {
        return error_of([raw] { static_cast<void>(raw->receive()); }).value();
      });
      yield();
      if (destroys) {
        shared.reset();
      } else {
        shared->close();
        CHECK_FALSE(shared->is_open());
      }
      CHECK(waiter.join() == ECANCELED);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "closed, or destroyed, while it lets others run, a busy socket says so") {
  run_in_time([] {
    for (const bool destroys : {false, true}) {
      auto ends = connect_pair();
      ends.client.send_all(std::vector<std::byte>(1000));
      auto shared = std::make_unique<tcp_stream>(std::move(ends.server));
      int reads = 0;
      const auto busy = spawn([raw = shared.get(), &reads] {
        return error_of([raw, &reads] {
                 std::byte one{};
                 for (;; ++reads) raw->receive_some({&one, 1});
               })
            .value();
      });
      while (reads == 0) yield();  // it never needs to wait again
      CHECK(reads < 1000);
      if (destroys) {
        shared.reset();
      } else {
        shared->close();
      }
      CHECK(busy.join() == ECANCELED);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "two readers of one socket are refused, a reader and a writer not") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto first = spawn([&ends] { return ends.server.receive().size(); });
    yield();
    CHECK(error_of([&] { ends.server.receive(); }).value() == EBUSY);
    ends.server.send_all(bytes_of("out"));
    CHECK(ends.client.receive().text() == "out");
    ends.client.send_all(bytes_of("in"));
    CHECK(first.join() == 2);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "killed while it waits, a reader leaves its place to the next") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto first = spawn([&ends] { static_cast<void>(ends.server.receive()); });
    yield();
    first.kill();
    ends.client.send_all(bytes_of("for the next"));
    first.join();
    CHECK(ends.server.receive().text() == "for the next");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a closed stream and one of another thread are refused") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.client.close();
    CHECK(error_of([&] { ends.client.receive(); }).value() == EBADF);
    CHECK(error_of([&] { ends.client.send_all(bytes_of("x")); }).value() == EBADF);
    CHECK(error_of([&] { ends.client.shutdown_send(); }).value() == EBADF);
    CHECK(error_of([&] { static_cast<void>(ends.client.local_port()); }).value() == EBADF);
    ends.client.close();  // again: nothing
    std::thread([&ends] {
      CHECK_THROWS_AS(ends.server.receive(), offshoot::wrong_thread);
      CHECK_THROWS_AS(ends.server.close(), offshoot::wrong_thread);
      offshoot::yield();  // with a hub of its own, too
      CHECK_THROWS_AS(ends.server.send_all(bytes_of("x")), offshoot::wrong_thread);
    }).join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stream destroyed on another thread is closed by its own") {
  run_in_time([] {
    auto ends = connect_pair();
    std::thread([taken = std::move(ends.server)] {}).join();
    CHECK(ends.client.receive().empty());
  });
}

TEST_CASE_FIXTURE(
    hub_leaves_nothing,
    "a stream destroyed on another thread is closed, too, if its own ends just then") {
  std::thread([] {
    auto ends = connect_pair();
    std::thread([taken = std::move(ends.server)] {}).join();
  }).join();
  std::thread([] {
    auto ends = connect_pair();
    const auto stubborn = spawn([&ends] {
      try {
        offshoot::sleep_for(std::chrono::hours(1));
      } catch (const offshoot::greenlet_exit&) {
        std::thread([taken = std::move(ends.server)] {}).join();
        const auto see_end = [&ends] { CHECK(ends.client.receive().empty()); };
        CHECK(offshoot::with_timeout(std::chrono::seconds(10), see_end));
      }
    });
    yield();
    offshoot::kill_tasks();
  }).join();
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stream that another is moved into is closed at once") {
  run_in_time([] {
    auto first = connect_pair();
    auto second = connect_pair();
    first.server = std::move(second.server);
    CHECK_FALSE(second.server.is_open());
    CHECK(first.client.receive().empty());
    second.client.send_all(bytes_of("moved"));
    auto got = offshoot::buffer::lease();
    auto more = first.server.receive();
    got = std::move(more);
    CHECK(got.text() == "moved");
    CHECK(more.empty());
    offshoot::descriptor kept(dup(STDERR_FILENO));
    offshoot::descriptor other(dup(STDERR_FILENO));
    kept = std::move(other);
    CHECK(other.get() == -1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "connecting: nobody there, no such address, IPv6") {
  run_in_time([] {
    tcp_listener listener(0);
    const auto port = listener.local_port();
    listener.close();
    CHECK(error_of([&] { tcp_stream::connect("127.0.0.1", port); }).value() == ECONNREFUSED);
    CHECK(error_of([&] { tcp_stream::connect("localhost", port); }).value() == EINVAL);
    CHECK(error_of([&] { tcp_listener refused(0, "not an address"); }).value() == EINVAL);
    try {
      tcp_listener six(0, "::1");
      auto client = tcp_stream::connect("::1", six.local_port());
      six.accept().send_all(bytes_of("six"));
      CHECK(client.receive().text() == "six");
    } catch (const std::system_error& error) {
      CHECK(error.code().value() == EADDRNOTAVAIL);  // a machine without IPv6
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "an event of a closed descriptor does not reach its successor") {
  run_in_time([] {
    for (int round = 0; round < 50; ++round) {
      auto old = connect_pair();
      const int number = old.server.native_handle();
      old.client.send_all(bytes_of("for the old one"));
      // Its event is there, not yet looked at, when the descriptor and its place are used again.
      old.server.close();
      auto fresh = connect_pair();
      CHECK((fresh.client.native_handle() == number || fresh.server.native_handle() == number));
      const auto reader = spawn([&fresh] { return fresh.server.receive().size(); });
      yield();
      CHECK_FALSE(reader.done());
      fresh.client.send_all(bytes_of("new"));
      CHECK(reader.join() == 3);
    }
  });
}
