/// Pipes and FIFOs.
#include <cerrno>
#include <cstdlib>
#include <filesystem>
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
    std::string directory = std::filesystem::temp_directory_path() / "offshoot-XXXXXX";
    REQUIRE(mkdtemp(directory.data()) != nullptr);
    const std::string path = directory + "/fifo";
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
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
    CHECK(error_of([&] { pipe::open_to_receive(directory + "/none"); }).value() == ENOENT);
    std::filesystem::remove_all(directory);
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
