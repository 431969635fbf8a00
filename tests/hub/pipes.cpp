/// Pipes and FIFOs.
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::pipe;
using offshoot::spawn;
using offshoot::yield;
using test::bytes_of;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

/// One in the file system, which a simulation does not look at.
struct fifo {
  fifo() {
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    path = directory + "/fifo";
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  }
  ~fifo() { std::filesystem::remove_all(directory); }
  fifo(const fifo&) = delete;
  fifo& operator=(const fifo&) = delete;

  std::string directory = std::filesystem::temp_directory_path() / "offshoot-XXXXXX";
  std::string path;
};

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "a pipe carries more than it holds, in order, to its end") {
  run_in_time([] {
    auto [from, to] = pipe::make();
    const auto sent = std::make_shared<std::vector<std::byte>>(test::random_bytes(1 << 20, 3));
    const auto sender = spawn([sent, end = std::move(to)]() mutable { end.send_all(*sent); });
    yield();
    CHECK_FALSE(sender.done());  // a pipe holds 64 KiB
    CHECK(test::receive_all(from) == *sent);
    sender.join();
    CHECK(from.receive().empty());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "who sends into a pipe that nobody reads any more gets an error, no signal") {
  run_in_time([] {
    auto [from, to] = pipe::make();
    from.close();
    CHECK(error_of([&, &end = to] { end.send_all(bytes_of("x")); }).value() == EPIPE);
    auto [second_from, second_to] = pipe::make();
    const auto sender = spawn([end = std::move(second_to)]() mutable {
      return error_of([&] { end.send_all(std::vector<std::byte>(1 << 20)); }).value();
    });
    yield();
    second_from.close();  // while it waits
    CHECK(sender.join() == EPIPE);
    sigset_t waiting;
    sigpending(&waiting);
    CHECK(sigismember(&waiting, SIGPIPE) == 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "the wrong way through a pipe is refused") {
  run_in_time([] {
    auto [from, to] = pipe::make();
    CHECK(error_of([&end = from] { end.send_all(bytes_of("x")); }).value() == EBADF);
    CHECK(error_of([&end = from] { end.shutdown_send(); }).value() == ENOTSOCK);
    CHECK(error_of([&end = from] { end.set_option(SOL_SOCKET, SO_RCVBUF, 1); }).value() ==
          ENOTSOCK);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a FIFO waits for its first writer, and ends with the last") {
  run_in_time([] {
    const fifo made;
    const std::string& path = made.path;
    CHECK(error_of([&] { pipe::open_to_send(path); }).value() == ENXIO);
    auto from = pipe::open_to_receive(path);
    const auto reader = spawn([&from] { return test::receive_all(from).size(); });
    yield();
    CHECK_FALSE(reader.done());
    {
      auto to = pipe::open_to_send(path);
      to.send_all(bytes_of("through a name"));
    }
    CHECK(reader.join() == 14);
    if (offshoot::reactor_name() != "virtual") {  // there any path is that of a FIFO
      CHECK(error_of([&] { pipe::open_to_receive(made.directory + "/none"); }).value() == ENOENT);
    }
    CHECK(error_of([&] { pipe::open_to_receive(""); }).value() == ENOENT);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a FIFO that has ended goes on with the next writer") {
  run_in_time([] {
    const fifo made;
    auto from = pipe::open_to_receive(made.path);
    for (const auto text : {"first", "then"}) {
      auto to = pipe::open_to_send(made.path);
      const auto reader = spawn([&from] { return std::string(from.receive().text()); });
      yield();
      CHECK_FALSE(reader.done());
      to.send_all(bytes_of(text));
      CHECK(reader.join() == text);
      to.close();
      CHECK(from.receive().empty());
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a FIFO does not end while it has another writer") {
  run_in_time([] {
    const fifo made;
    auto from = pipe::open_to_receive(made.path);
    auto before = pipe::open_to_send(made.path);
    before.send_all(bytes_of("before"));
    before.close();
    auto after = pipe::open_to_send(made.path);
    CHECK(from.receive().text() == "before");
    const auto reader = spawn([&from] { return std::string(from.receive().text()); });
    offshoot::sleep_for(std::chrono::milliseconds(5));  // what was to arrive has
    CHECK_FALSE(reader.done());
    after.send_all(bytes_of("after"));
    CHECK(reader.join() == "after");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "what several send into a FIFO comes whole if it is short, until the last goes") {
  run_in_time([] {
    constexpr std::size_t length = 1500;  // no part of a page, nor of a window
    constexpr int each_sends = 100;       // more than there is room for
    const fifo made;
    auto end = pipe::open_to_receive(made.path);
    offshoot::reader from(end);
    for (const char letter : {'a', 'b', 'c'}) {
      spawn([letter, to = pipe::open_to_send(made.path)]() mutable {
        const std::string message(length, letter);
        for (int left = each_sends; left > 0; --left) to.send_all(bytes_of(message));
      });
    }
    std::map<char, int> came;
    for (int left = 3 * each_sends; left > 0; --left) {
      std::string message(length, ' ');
      REQUIRE(from.read_exactly(std::as_writable_bytes(std::span(message))));
      CHECK((message == std::string(length, message.front())));
      ++came[message.front()];
    }
    CHECK(came == std::map<char, int>{{'a', each_sends}, {'b', each_sends}, {'c', each_sends}});
    CHECK(from.read_some().empty());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "a FIFO without readers refuses, and has what was in it for the next") {
  run_in_time([] {
    const fifo made;
    auto first = pipe::open_to_receive(made.path);
    auto to = pipe::open_to_send(made.path);
    to.send_all(bytes_of("kept"));
    first.close();
    CHECK(error_of([&] { to.send_all(bytes_of("lost")); }).value() == EPIPE);
    CHECK(error_of([&] { pipe::open_to_send(made.path); }).value() == ENXIO);
    auto second = pipe::open_to_receive(made.path);
    CHECK(second.receive().text() == "kept");
    const auto sender = spawn(
        [&to] { return error_of([&] { to.send_all(std::vector<std::byte>(1 << 20)); }).value(); });
    yield();
    second.close();  // while it waits
    CHECK(sender.join() == EPIPE);
    to.close();
    auto third = pipe::open_to_receive(made.path);
    auto last = pipe::open_to_send(made.path);
    last.close();
    CHECK(third.receive().empty());  // what nobody had open has gone
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "an end that came from elsewhere is taken over") {
  run_in_time([] {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    auto from = pipe::adopt(ends[0]);
    const auto reader = spawn([&from] { return from.receive().size(); });
    yield();
    REQUIRE(write(ends[1], "four", 4) == 4);
    CHECK(reader.join() == 4);
    ::close(ends[1]);
    CHECK(error_of([] { pipe::adopt(1 << 20); }).value() == EBADF);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a pipe of packets gives each of them") {
  run_in_time([] {
    int ends[2];
    REQUIRE(pipe2(ends, O_DIRECT | O_CLOEXEC) == 0);
    auto from = pipe::adopt(ends[0]);
    auto to = pipe::adopt(ends[1]);
    for (const auto text : {"one", "two"}) to.send_all(bytes_of(text));
    CHECK(from.receive().text() == "one");
    std::string second;
    CHECK(offshoot::with_timeout(std::chrono::seconds(1), [&] { second = from.receive().text(); }));
    CHECK(second == "two");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a FIFO with a new writer is readable when that one sends") {
  run_in_time([] {
    const fifo made;
    auto from = pipe::open_to_receive(made.path);
    pipe::open_to_send(made.path).send_all(bytes_of("first"));
    CHECK(from.receive().text() == "first");
    CHECK(from.receive().empty());
    auto to = pipe::open_to_send(made.path);
    const auto is_readable = [&from](std::chrono::nanoseconds limit) {
      return offshoot::select(offshoot::on_readable(from, [] {}),
                              offshoot::on_timeout(limit, [] {})) == 0;
    };
    CHECK_FALSE(is_readable(std::chrono::milliseconds(5)));
    to.send_all(bytes_of("then"));
    CHECK(is_readable(std::chrono::seconds(20)));
    CHECK(from.receive().text() == "then");
  });
}
