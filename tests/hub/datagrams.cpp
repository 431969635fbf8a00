/// UDP.
#include <cerrno>
#include <string>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::udp_socket;
using offshoot::yield;
using test::bytes_of;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing, "datagrams come whole, with their sender's address") {
  run_in_time([] {
    udp_socket server;
    udp_socket client;
    const auto echo = spawn([&server] {
      for (int left = 3; left > 0; --left) {
        const auto got = server.receive();
        server.send_to(got.bytes.bytes(), got.address, got.port);
      }
    });
    for (const std::string text : {"first", "", "third"}) {
      client.send_to(bytes_of(text), "127.0.0.1", server.local_port());
      const auto back = client.receive();
      CHECK(back.bytes.text() == text);
      CHECK(back.address == "127.0.0.1");
      CHECK(back.port == server.local_port());
      CHECK_FALSE(back.cut);
    }
    echo.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "text is sent as it is, a literal without its zero") {
  run_in_time([] {
    udp_socket server;
    udp_socket client;
    client.send_to("a literal", "127.0.0.1", server.local_port());
    CHECK(server.receive().bytes.text() == "a literal");
    client.connect("127.0.0.1", server.local_port());
    client.send(std::string("a string"));
    CHECK(server.receive().bytes.text() == "a string");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "several that came at once are all received") {
  run_in_time([] {
    udp_socket server;
    udp_socket client;
    for (int each = 0; each < 20; ++each) {
      client.send_to(test::random_bytes(100, static_cast<std::uint32_t>(each)), "127.0.0.1",
                     server.local_port());
    }
    for (int each = 0; each < 20; ++each) CHECK(server.receive().bytes.size() == 100);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "one that is longer than a buffer says that it was cut") {
  run_in_time([] {
    udp_socket server;
    udp_socket client;
    client.send_to(test::random_bytes(30'000, 1), "127.0.0.1", server.local_port());
    const auto got = server.receive();
    CHECK(got.bytes.size() == offshoot::buffer::capacity);
    CHECK(got.cut);
    CHECK(error_of([&] {
            client.send_to(test::random_bytes(70'000, 1), "127.0.0.1", server.local_port());
          }).value() == EMSGSIZE);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "connected, it hears its peer alone, and that nobody is there") {
  run_in_time([] {
    udp_socket peer;
    udp_socket stranger;
    udp_socket own;
    own.connect("127.0.0.1", peer.local_port());
    stranger.send_to(bytes_of("psst"), "127.0.0.1", own.local_port());
    peer.send_to(bytes_of("hello"), "127.0.0.1", own.local_port());
    CHECK(own.receive().bytes.text() == "hello");
    own.send(bytes_of("and you"));
    CHECK(peer.receive().bytes.text() == "and you");
    peer.close();
    own.send(bytes_of("anybody?"));
    CHECK(error_of([&] { own.receive(); }).value() == ECONNREFUSED);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "IPv6, addresses in use, closing while one waits") {
  run_in_time([] {
    udp_socket server;
    CHECK(error_of([&] { udp_socket second(server.local_port()); }).value() == EADDRINUSE);
    const auto waiter =
        spawn([&server] { return error_of([&server] { server.receive(); }).value(); });
    yield();
    CHECK(error_of([&] { server.receive(); }).value() == EBUSY);
    server.close();
    CHECK(waiter.join() == ECANCELED);
    try {
      udp_socket six(0, "::1");
      six.send_to(bytes_of("six"), "::1", six.local_port());
      CHECK(six.receive().address == "::1");
    } catch (const std::system_error& error) {
      CHECK(error.code().value() == EADDRNOTAVAIL);  // a machine without IPv6
    }
  });
}
