/// What every reactor must do, asked of each: first of the backend by itself, with descriptors of
/// the system, then of a hub that is made with it.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"
#include "hub/reactor.hpp"

using offshoot::descriptor;
using offshoot::detail::make_reactor;
using offshoot::detail::never;
using offshoot::detail::reading;
using offshoot::detail::watch;
using offshoot::detail::writing;

namespace {

constexpr std::int64_t millisecond = 1'000'000;

struct ends {
  descriptor own;
  descriptor peer;
};

ends make_ends() {
  std::array<int, 2> made{};
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, made.data()) == 0);
  return {descriptor(made[0]), descriptor(made[1])};
}

void put(const descriptor& into, std::size_t bytes) {
  const std::vector<char> some(bytes);
  REQUIRE(write(into.get(), some.data(), bytes) == static_cast<ssize_t>(bytes));
}

void drain(const descriptor& from) {
  std::array<char, 4096> some;
  while (read(from.get(), some.data(), some.size()) > 0) {
  }
}

/// Calls `check` with each reactor's name, in a thread without a hub.
template <class F>
void for_each_reactor(F check) {
  for (const std::string& name : offshoot::reactor_names()) {
    std::thread([&] {
      CAPTURE(name);
      check(name);
    }).join();
  }
}

}  // namespace

TEST_CASE("reactors are known by name, the best first") {
  CHECK(offshoot::reactor_names() == std::vector<std::string>{"epoll", "poll", "virtual"});
}

TEST_CASE("readiness is latched once, and again when it has come anew") {
  for_each_reactor([](const std::string& name) {
    const auto events = make_reactor({.reactor = name});
    const ends pair = make_ends();
    watch own;
    own.fd = pair.own.get();
    events->add(own);
    events->poll(0);
    CHECK_FALSE(own.ready[reading]);
    CHECK(own.ready[writing]);
    put(pair.peer, 10);
    events->poll(never);
    CHECK(own.ready[reading]);
    drain(pair.own);
    own.ready[reading] = false;
    events->poll(0);
    CHECK_FALSE(own.ready[reading]);
    put(pair.peer, 10);
    events->poll(never);
    CHECK(own.ready[reading]);
    CHECK_FALSE(own.ended);
    events->forget(own);
  });
}

TEST_CASE("room to write is an event when there was none") {
  for_each_reactor([](const std::string& name) {
    const auto events = make_reactor({.reactor = name});
    const ends pair = make_ends();
    watch own;
    own.fd = pair.own.get();
    events->add(own);
    events->poll(0);
    std::array<char, 4096> some{};
    while (write(own.fd, some.data(), some.size()) > 0) {
    }
    own.ready[writing] = false;
    events->poll(0);
    CHECK_FALSE(own.ready[writing]);
    drain(pair.peer);
    events->poll(never);
    CHECK(own.ready[writing]);
    events->forget(own);
  });
}

TEST_CASE("the end of what a peer sends stays, and wakes no hub for nothing") {
  for_each_reactor([](const std::string& name) {
    const auto events = make_reactor({.reactor = name});
    ends pair = make_ends();
    watch own;
    own.fd = pair.own.get();
    events->add(own);
    shutdown(pair.peer.get(), SHUT_WR);
    events->poll(never);
    CHECK(own.ready[reading]);
    CHECK(own.ended);
    CHECK(own.ready[writing]);  // this direction is still open
    pair.peer = descriptor();   // now both are at their end
    events->poll(0);
    CHECK(own.ready[writing]);
    const auto start = events->now();
    events->poll(5 * millisecond);  // nothing is new: it waits
    events->poll(5 * millisecond);
    CHECK(events->now() - start >= 5 * millisecond);
    events->forget(own);
  });
}

TEST_CASE("a descriptor that has been forgotten is not heard of, nor taken for its successor") {
  for_each_reactor([](const std::string& name) {
    const auto events = make_reactor({.reactor = name});
    watch old;
    watch successor;
    const ends second = make_ends();
    {
      const ends first = make_ends();
      old.fd = first.own.get();
      events->add(old);
      put(first.peer, 1);
      events->forget(old);
      successor.fd = second.own.get();
      events->add(successor);
      events->poll(0);
    }
    CHECK(successor.place == old.place);
    CHECK_FALSE(old.ready[reading]);
    CHECK_FALSE(successor.ready[reading]);
    put(second.peer, 1);
    events->poll(never);
    CHECK(successor.ready[reading]);
    events->forget(successor);
  });
}

TEST_CASE("a wait ends with its time, never early, or with the alarm") {
  for_each_reactor([](const std::string& name) {
    const auto events = make_reactor({.reactor = name});
    const descriptor alarm(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    events->add_alarm(alarm.get());
    events->poll(0);  // what is ready from the start
    auto start = events->now();
    events->poll(3 * millisecond);
    CHECK(events->now() - start >= 3 * millisecond);
    for (int round = 0; round < 3; ++round) {
      const std::uint64_t one = 1;
      REQUIRE(write(alarm.get(), &one, sizeof one) == sizeof one);
      events->poll(never);
      start = events->now();
      events->poll(2 * millisecond);  // once told, it is quiet
      CHECK(events->now() - start >= 2 * millisecond);
    }
  });
}

TEST_CASE("a hub is made with the reactor that is named, once") {
  for_each_reactor([](const std::string& name) {
    offshoot::start_hub({.reactor = name});
    CHECK(offshoot::reactor_name() == name);
    CHECK_THROWS_WITH_AS(offshoot::start_hub({}), "offshoot: this thread has a hub already",
                         offshoot::greenlet_error);
  });
  std::thread([] {
    CHECK_THROWS_WITH_AS(offshoot::start_hub({.reactor = "kqueue"}),
                         "offshoot: there is no reactor 'kqueue'; there are: epoll, poll, virtual",
                         offshoot::greenlet_error);
    offshoot::yield();  // it can still have one
  }).join();
}

TEST_CASE("each carries streams, sleepers and posts of other threads") {
  for_each_reactor([](const std::string& name) {
    offshoot::start_hub({.reactor = name});
    test::run_in_time([] {
      auto pair = test::connect_pair();
      const auto start = offshoot::hub_clock::now();
      const auto late = offshoot::spawn([&pair] {
        offshoot::sleep_for(std::chrono::milliseconds(5));
        pair.client.send_all(test::bytes_of("late"));
      });
      CHECK(pair.server.receive().text() == "late");
      CHECK(offshoot::hub_clock::now() - start >= std::chrono::milliseconds(5));
      late.join();
      pair.client.close();
      CHECK(pair.server.receive().empty());
    });
    bool posted = false;
    std::thread([&posted, home = offshoot::hub::current()] {
      home.post([&posted] { posted = true; });
    }).join();
    for (int looks = 0; looks < 100 && !posted; ++looks) {
      offshoot::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(posted);
  });
}

TEST_CASE("virtual: time jumps to the next deadline") {
  std::thread([] {
    offshoot::start_hub({.reactor = "virtual"});
    const auto start = offshoot::hub_clock::now();
    const auto really = std::chrono::steady_clock::now();
    offshoot::sleep_for(std::chrono::hours(1000));
    CHECK(offshoot::hub_clock::now() - start >= std::chrono::hours(1000));
    CHECK(offshoot::hub_clock::now() - start < std::chrono::hours(1001));
    CHECK(std::chrono::steady_clock::now() - really < std::chrono::minutes(1));
  }).join();
}

TEST_CASE("virtual: streams that wait for each other are known never to end") {
  std::thread([] {
    offshoot::start_hub({.reactor = "virtual"});
    auto pair = test::connect_pair();
    CHECK_THROWS_AS(pair.server.receive(), offshoot::would_block_forever);
    pair.client.send_all(test::bytes_of("after all"));
    CHECK(pair.server.receive().text() == "after all");
  }).join();
}
