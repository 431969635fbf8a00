/// Peers that do what `tcp_stream` does not, with sockets of the system.
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::yield;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing, "a reset is an error for who reads and for who writes") {
  run_in_time([] {
    tcp_listener listener(0);
    for (const bool writes : {false, true}) {
      test::raw_peer rude(listener.local_port());
      auto stream = listener.accept();
      const auto victim = spawn([stream = std::move(stream), writes]() mutable {
        return error_of([&] {
                 const std::vector<std::byte> much(std::size_t{32} << 20);
                 writes ? stream.send_all(much) : static_cast<void>(stream.receive());
               })
            .value();
      });
      yield();
      rude.send("x");
      if (writes) rude.send("y");
      rude.reset();
      const int error = victim.join();
      if (writes) CHECK((error == ECONNRESET || error == EPIPE));
      if (!writes && error != 0) CHECK(error == ECONNRESET);  // or it got the byte first
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "urgent data holds nothing up that came behind it") {
  run_in_time([] {
    tcp_listener listener(0);
    for (const bool in_line : {false, true}) {
      const test::raw_peer rude(listener.local_port());
      auto stream = listener.accept();
      stream.set_option(SOL_SOCKET, SO_OOBINLINE, in_line);
      const std::string expected = in_line ? "before!behind" : "beforebehind";
      for (const bool waits : {false, true}) {
        const auto victim = spawn([&stream, length = expected.size()] {
          std::string got;
          while (got.size() < length) got += stream.receive().text();
          return got;
        });
        if (waits) yield();
        rude.send("before");
        REQUIRE(::send(rude.fd(), "!", 1, MSG_OOB | MSG_NOSIGNAL) == 1);
        rude.send("behind");
        CHECK(victim.join() == expected);
      }
    }
  });
}
