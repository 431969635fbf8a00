/// What streams can do beyond a receive and a send: gathered writes, files, options, exact and
/// delimited reads.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::reader;
using offshoot::spawn;
using offshoot::tcp_stream;
using offshoot::yield;
using test::bytes_of;
using test::connect_pair;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

TEST_CASE_FIXTURE(hub_leaves_nothing, "parts are sent as one, whatever their number and sizes") {
  run_in_time([] {
    auto ends = connect_pair();
    // More parts than go into one call, empty ones among them, and more bytes than fit at once.
    std::vector<std::vector<std::byte>> parts;
    std::vector<std::byte> whole;
    for (std::uint32_t each = 0; each < 1000; ++each) {
      parts.push_back(test::random_bytes(each % 7 == 0 ? 0 : each * 31 % 9000, each));
      whole.insert(whole.end(), parts.back().begin(), parts.back().end());
    }
    const auto sender = spawn([&parts, stream = std::move(ends.client)]() mutable {
      const std::vector<std::span<const std::byte>> all(parts.begin(), parts.end());
      stream.send_all(all);
      stream.send_all(std::span<const std::span<const std::byte>>{});
    });
    CHECK(test::receive_all(ends.server) == whole);
    sender.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "text is sent as it is, a literal without its zero") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.client.send_all("a literal");
    ends.client.send_all(std::string(", a string"));
    ends.client.send_all(std::string_view(", a view!").substr(0, 8));
    ends.client.shutdown_send();
    CHECK(std::ranges::equal(test::receive_all(ends.server),
                             bytes_of("a literal, a string, a view")));
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a file is sent from where, and as far as, is asked") {
  run_in_time([] {
    const auto contents = test::random_bytes(3 << 20, 9);
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file != nullptr);
    REQUIRE(std::fwrite(contents.data(), 1, contents.size(), file.get()) == contents.size());
    std::fflush(file.get());
    auto ends = connect_pair();
    const auto sender =
        spawn([number = fileno(file.get()), stream = std::move(ends.client)]() mutable {
          const auto first = stream.send_file(number, 1000, 2 << 20);
          return std::pair(first, stream.send_file(number, 1000 + first, 1 << 30));
        });
    const auto got = test::receive_all(ends.server);
    const auto [first, second] = sender.join();
    CHECK(first == 2U << 20U);
    CHECK(second == contents.size() - 1000 - first);  // there was no more
    CHECK(std::equal(got.begin(), got.end(), contents.begin() + 1000, contents.end()));
    auto others = connect_pair();
    CHECK(error_of([&] { others.client.send_file(1 << 20, 0, 1); }).value() == EBADF);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "options are read as they were set") {
  run_in_time([] {
    auto ends = connect_pair();
    ends.client.set_option(SOL_SOCKET, SO_KEEPALIVE, 1);
    CHECK(ends.client.get_option(SOL_SOCKET, SO_KEEPALIVE) == 1);
    ends.client.set_option(IPPROTO_TCP, TCP_NODELAY, 0);
    CHECK(ends.client.get_option(IPPROTO_TCP, TCP_NODELAY) == 0);
    ends.client.close();
    CHECK(error_of([&] { ends.client.set_option(SOL_SOCKET, SO_KEEPALIVE, 1); }).value() == EBADF);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "exact reads join and divide what comes") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto sent = test::random_bytes(200'000, 4);
    const auto sender = spawn([&sent, stream = std::move(ends.client)]() mutable {
      for (std::size_t at = 0; at < sent.size(); at += 777) {
        stream.send_all(std::span(sent).subspan(at, std::min<std::size_t>(777, sent.size() - at)));
        if (at % 5 == 0) yield();
      }
    });
    reader from(ends.server);
    std::vector<std::byte> got(sent.size());
    std::size_t at = 0;
    for (std::size_t size = 0; at + size <= got.size();
         at += size, size = (size * 7 + 13) % 40'000) {
      CHECK(from.read_exactly(std::span(got).subspan(at, size)));
    }
    const std::size_t left = got.size() - at;
    std::vector<std::byte> too_many(left + 1);
    CHECK_FALSE(from.read_exactly(too_many));  // takes nothing
    CHECK(from.kept() == left);
    CHECK(from.read_exactly(std::span(got).subspan(at)));
    CHECK(got == sent);
    CHECK(from.kept() == 0);
    sender.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "delimited reads find what lies across two receives") {
  run_in_time([] {
    auto ends = connect_pair();
    reader from(ends.server);
    const auto lines = spawn([&from] {
      std::vector<std::string> all;
      while (const auto line = from.read_until("\r\n")) all.push_back(*line);
      return all;
    });
    for (const char* piece : {"one\r", "\ntw", "o\r\n\r\nfour\r", "\r\nlast"}) {
      ends.client.send_all(bytes_of(piece));
      offshoot::sleep_for(std::chrono::milliseconds(2));  // so that it is received by itself
    }
    ends.client.shutdown_send();
    CHECK(lines.join() == std::vector<std::string>{"one\r\n", "two\r\n", "\r\n", "four\r\r\n"});
    CHECK(from.read_some().text() == "last");  // it has no end, and is still there
    CHECK(from.read_some().empty());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what comes byte by byte is kept as it came") {
  run_in_time([] {
    auto ends = connect_pair();
    reader from(ends.server);
    const std::string text = "0123456789\nabcdefghij\nrest";
    const auto lines = spawn([&from] {
      std::string all;
      for (int line = 0; line < 2; ++line) all += from.read_until("\n").value();
      std::array<std::byte, 3> more;
      CHECK(from.read_exactly(more));
      all.append(reinterpret_cast<const char*>(more.data()), more.size());
      return all;
    });
    for (const char& each : text) {
      const std::size_t kept = from.kept();
      ends.client.send_all(bytes_of({&each, 1}));
      while (from.kept() == kept && !lines.done()) yield();
    }
    CHECK(lines.join() + std::string(from.read_some().text()) == text);
    CHECK(from.kept() == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a delimiter that does not come within the limit is an error") {
  run_in_time([] {
    auto ends = connect_pair();
    reader from(ends.server);
    ends.client.send_all(bytes_of("12345;78901234567890"));
    CHECK(error_of([&] { from.read_until(";", 5); }).value() == EMSGSIZE);
    CHECK(from.read_until(";", 6) == "12345;");  // nothing was taken
    CHECK(error_of([&] { from.read_until(";", 10); }).value() == EMSGSIZE);
    std::array<std::byte, 14> rest;
    CHECK(from.read_exactly(rest));
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "killed in the middle, a reader has lost nothing") {
  run_in_time([] {
    auto ends = connect_pair();
    reader from(ends.server);
    for (const bool exact : {true, false}) {
      const auto victim = spawn([&from, exact] {
        std::array<std::byte, 10> all;
        exact ? static_cast<void>(from.read_exactly(all))
              : static_cast<void>(from.read_until("\n"));
      });
      ends.client.send_all(bytes_of("half "));
      while (from.kept() == 0) offshoot::sleep_for(std::chrono::microseconds(100));
      victim.kill();
      victim.join();
      ends.client.send_all(bytes_of("way.\n"));
      std::array<std::byte, 10> all;
      CHECK(from.read_exactly(all));
      CHECK(std::equal(all.begin(), all.end(), bytes_of("half way.\n").begin()));
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who waits to send is told that this end sends no more") {
  run_in_time([] {
    auto ends = connect_pair();
    const auto sender = spawn([&ends] {
      return error_of([&ends] { ends.client.send_all(std::vector<std::byte>(32 << 20)); }).value();
    });
    offshoot::sleep_for(std::chrono::milliseconds(5));
    CHECK_FALSE(sender.done());
    ends.client.shutdown_send();
    CHECK(offshoot::with_timeout(std::chrono::seconds(5), [&] { return sender.join(); }) == EPIPE);
    sender.kill();
    sender.wait();
  });
}
