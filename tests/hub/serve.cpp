/// Serving, and how it ends.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::serve;
using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::tcp_stream;
using offshoot::yield;
using test::bytes_of;
using test::hub_leaves_nothing;
using test::run_in_time;
using namespace std::chrono_literals;

namespace {

void echo(tcp_stream peer) {
  while (const auto got = peer.receive()) peer.send_all(got.bytes());
}

bool echoes(tcp_stream& peer) {
  peer.send_all(bytes_of("ping"));
  return peer.receive().text() == "ping";
}

/// A server in a task of its own, and one connection that has been echoed to.
struct served_one {
  std::stop_source source;
  int listening_at;
  std::uint16_t port;
  offshoot::task<std::size_t> serving;
  tcp_stream peer;

  explicit served_one(std::chrono::nanoseconds grace) : served_one(grace, tcp_listener(0)) {}

 private:
  served_one(std::chrono::nanoseconds grace, tcp_listener listener)
      : listening_at(listener.native_handle()),
        port(listener.local_port()),
        serving(spawn([listener = std::move(listener), stop = source.get_token(), grace]() mutable {
          return serve(std::move(listener), &echo, {.stop = stop, .grace = grace});
        })),
        peer(tcp_stream::connect("127.0.0.1", port)) {
    CHECK(echoes(peer));
  }
};

void wait_until_closed(int descriptor) {
  while (fcntl(descriptor, F_GETFD) >= 0) yield();
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "stopped from another thread, connections finish in time") {
  run_in_time([] {
    served_one server(1h);
    std::thread([&server] {
      server.source.request_stop();
      server.source.request_stop();
    }).join();
    wait_until_closed(server.listening_at);
    CHECK_FALSE(server.serving.done());
    CHECK(echoes(server.peer));  // as long as it likes
    server.peer.close();
    CHECK(server.serving.join() == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what has not finished by then is killed") {
  run_in_time([] {
    for (const auto grace : {0ms, 5ms}) {
      served_one server(grace);
      server.source.request_stop();
      CHECK(server.serving.join() == 1);
      CHECK(server.peer.receive().empty());
      CHECK(test::error_of([&] { tcp_stream::connect("127.0.0.1", server.port); }).value() ==
            ECONNREFUSED);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a kill in the middle of the grace ends it") {
  run_in_time([] {
    served_one server(1h);
    server.source.request_stop();
    wait_until_closed(server.listening_at);
    CHECK_FALSE(server.serving.done());
    server.serving.kill();
    server.serving.wait();
    CHECK_THROWS_AS(server.serving.join(), offshoot::greenlet_error);  // no result
    CHECK(server.peer.receive().empty());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a kill or a time-out while it serves ends it at once") {
  run_in_time([] {
    {
      served_one server(1h);
      server.serving.kill();
      server.serving.wait();
      CHECK(server.peer.receive().empty());
    }
    tcp_listener listener(0);
    const test::raw_peer idle(listener.local_port());
    CHECK_FALSE(offshoot::with_timeout(5ms, [&] { serve(std::move(listener), &echo); }));
    CHECK(offshoot::task_count() <= 2);  // this one and its watchdog
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "peers that wait in the backlog at the stop are served") {
  run_in_time([] {
    tcp_listener listener(0);
    std::vector<test::raw_peer> peers;
    for (int each = 0; each < 5; ++each) {
      peers.emplace_back(listener.local_port());
      peers.back().send("ping");
      REQUIRE(shutdown(peers.back().fd(), SHUT_WR) == 0);
    }
    std::stop_source source;
    source.request_stop();  // before it begins
    CHECK(serve(std::move(listener), &echo, {.stop = source.get_token(), .grace = 30s}) == 0);
    for (const test::raw_peer& each : peers) {
      char back[8];
      CHECK(recv(each.fd(), back, sizeof back, MSG_WAITALL) == 4);
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "at the stop a long backlog is served to its end") {
  for (const int sends : {1, 7, 63}) {
    run_in_time([sends] {
      tcp_listener listener(0);
      std::vector<test::raw_peer> peers;
      for (int each = 0; each < 300; ++each) peers.emplace_back(listener.local_port());
      std::stop_source source;
      source.request_stop();
      const auto answer = [sends](tcp_stream peer) {
        for (int left = sends; left > 0; --left) peer.send_all(bytes_of("!"));
      };
      CHECK(serve(std::move(listener), answer, {.stop = source.get_token(), .grace = 30s}) == 0);
      int served = 0;
      for (const test::raw_peer& each : peers) {
        char byte = 0;
        served += recv(each.fd(), &byte, 1, 0) == 1 ? 1 : 0;
      }
      CHECK(served == 300);
    });
  }
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "peers that come without end do not keep a listener open") {
  run_in_time([] {
    served_one server(1h);
    const auto flood = spawn([port = server.port] {
      for (;;) {
        tcp_stream::connect("127.0.0.1", port);
        yield();
      }
    });
    server.source.request_stop();
    wait_until_closed(server.listening_at);
    CHECK_THROWS_AS(flood.join(), std::system_error);
    server.peer.close();
    CHECK(server.serving.join() == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "without a grace they are not") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer peer(listener.local_port());
    std::stop_source source;
    source.request_stop();
    int calls = 0;
    CHECK(serve(std::move(listener), [&calls](tcp_stream) { ++calls; },
                {.stop = source.get_token(), .grace = 0s}) == 0);
    CHECK(calls == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what a connection throws disturbs no other") {
  static std::atomic<int> unhandled;
  unhandled = 0;
  offshoot::set_unhandled_handler([](std::exception_ptr, std::string_view name) noexcept {
    if (name == "peer") ++unhandled;
  });
  run_in_time([] {
    tcp_listener listener(0);
    const std::uint16_t port = listener.local_port();
    std::stop_source source;
    const auto serving =
        spawn([listener = std::move(listener), stop = source.get_token()]() mutable {
          return serve(std::move(listener),
                       [](tcp_stream peer) {
                         while (const auto got = peer.receive()) {
                           if (got.text() == "fail") throw std::runtime_error("as told");
                           peer.send_all(got.bytes());
                         }
                       },
                       {.stop = stop, .grace = 0s, .connections = {.name = "peer"}});
        });
    auto good = tcp_stream::connect("127.0.0.1", port);
    auto bad = tcp_stream::connect("127.0.0.1", port);
    CHECK(echoes(good));
    bad.send_all(bytes_of("fail"));
    CHECK(bad.receive().empty());
    CHECK(echoes(good));
    source.request_stop();
    CHECK(serving.join() == 1);
  });
  offshoot::set_unhandled_handler(nullptr);
  CHECK(unhandled == 1);
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "if accepting fails, it throws when all connections have ended") {
  run_in_time([] {
    tcp_listener listener(0);
    const int handle = listener.native_handle();
    const std::uint16_t port = listener.local_port();
    const auto serving = spawn(
        [listener = std::move(listener)]() mutable { return serve(std::move(listener), &echo); });
    auto peer = tcp_stream::connect("127.0.0.1", port);
    CHECK(echoes(peer));
    REQUIRE(shutdown(handle, SHUT_RDWR) == 0);  // now accept is an error
    CHECK(test::error_of([&] { serving.join(); }).value() == EINVAL);
    CHECK(peer.receive().empty());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "without memory it goes on after a pause") {
  struct forgetful {
    tcp_listener listener;
    int failures;
    tcp_stream accept() {
      tcp_stream peer = listener.accept();
      if (failures-- > 0) throw std::bad_alloc();
      return peer;
    }
    void close() { listener.close(); }
  };
  run_in_time([] {
    forgetful listener{tcp_listener(0), 2};
    const std::uint16_t port = listener.listener.local_port();
    std::stop_source source;
    const auto serving =
        spawn([listener = std::move(listener), stop = source.get_token()]() mutable {
          return serve(std::move(listener), &echo, {.stop = stop, .grace = 0s});
        });
    for (int each = 0; each < 2; ++each) {
      CHECK(tcp_stream::connect("127.0.0.1", port).receive().empty());
    }
    auto peer = tcp_stream::connect("127.0.0.1", port);
    CHECK(echoes(peer));
    source.request_stop();
    CHECK(serving.join() == 1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "if a connection's task cannot be made, nothing is left") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer peer(listener.local_port());
    int calls = 0;
    CHECK_THROWS_AS(serve(std::move(listener), [&calls](tcp_stream) { ++calls; },
                          {.connections = {.parent = offshoot::greenlet::main()}}),
                    offshoot::greenlet_error);
    CHECK(calls == 0);
  });
}

/// Whose streams take their time to go if they are the first.
struct slow_listener {
  struct slow_stream {
    tcp_stream stream;
    bool is_first;
    slow_stream(tcp_stream taken, bool first) : stream(std::move(taken)), is_first(first) {}
    slow_stream(slow_stream&&) noexcept = default;
    ~slow_stream() {
      for (int turn = 0; stream.is_open() && is_first && turn < 10; ++turn) yield();
    }
  };
  tcp_listener from;
  int accepted = 0;
  slow_stream accept() {
    if (accepted == 3) throw std::runtime_error("no more");
    auto stream = from.accept();
    return {std::move(stream), ++accepted == 1};
  }
  void close() { from.close(); }
};

TEST_CASE_FIXTURE(hub_leaves_nothing, "connections may end while others are killed") {
  run_in_time([] {
    tcp_listener listener(0);
    const test::raw_peer peers[] = {test::raw_peer(listener.local_port()),
                                    test::raw_peer(listener.local_port()),
                                    test::raw_peer(listener.local_port())};
    std::stop_source stopped;
    stopped.request_stop();  // so that none has begun when accepting fails
    const auto handled = std::make_shared<int>(0);
    CHECK_THROWS_WITH(
        serve(slow_listener{std::move(listener)},
              [handled](slow_listener::slow_stream) { ++*handled; }, {.stop = stopped.get_token()}),
        "no more");
    CHECK(*handled == 2);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "connections that have not begun when their thread ends are closed") {
  std::unique_ptr<test::raw_peer> peer;
  const auto alive = std::make_shared<int>(0);
  std::thread([&peer, alive] {
    tcp_listener listener(0);
    peer = std::make_unique<test::raw_peer>(listener.local_port());
    spawn([listener = std::move(listener), alive]() mutable {
      serve(std::move(listener), [alive](tcp_stream stream) { echo(std::move(stream)); });
    });
    for (int turns = 0; turns < 3; ++turns) yield();  // wherever that is
  }).join();
  CHECK(alive.use_count() == 1);
  char byte = 0;
  CHECK(recv(peer->fd(), &byte, 1, 0) <= 0);
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a capture in the giver's lane is refused") {
  CHECK(test::refuses_a_local(
      [](int& local) { serve(tcp_listener(0), [&local](tcp_stream) { ++local; }); }));
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "Unix sockets are served as well") {
  run_in_time([] {
    const std::string path(std::string(1, '\0') + "offshoot-serve-" + std::to_string(getpid()));
    offshoot::unix_listener listener(path);
    std::stop_source source;
    const auto serving =
        spawn([listener = std::move(listener), stop = source.get_token()]() mutable {
          return serve(std::move(listener),
                       [](offshoot::unix_stream peer) { peer.send_all(bytes_of("hello")); },
                       {.stop = stop});
        });
    auto peer = offshoot::unix_stream::connect(path);
    CHECK(test::receive_all(peer).size() == 5);
    source.request_stop();
    CHECK(serving.join() == 0);
  });
}

TEST_CASE("virtual: a simulated server is stopped in simulated time") {
  std::thread([] {
    offshoot::start_hub({.reactor = "virtual", .simulated = {.seed = 5}});
    run_in_time([] {
      served_one server(20s);  // the watchdog's time is simulated, too
      const auto start = offshoot::hub_clock::now();
      server.source.request_stop();
      CHECK(server.serving.join() == 1);
      CHECK(offshoot::hub_clock::now() - start >= 20s);
    });
  }).join();
}
