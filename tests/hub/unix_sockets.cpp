/// Unix sockets: streams, datagrams, and descriptors that are passed on.
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::descriptor;
using offshoot::spawn;
using offshoot::unix_datagram;
using offshoot::unix_listener;
using offshoot::unix_stream;
using offshoot::yield;
using test::bytes_of;
using test::error_of;
using test::hub_leaves_nothing;
using test::run_in_time;

namespace {

class directory {
 public:
  directory() : path_(std::filesystem::temp_directory_path() / "offshoot-XXXXXX") {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~directory() { std::filesystem::remove_all(path_); }
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "a stream through a path, and through an abstract name") {
  run_in_time([] {
    const directory place;
    for (const std::string& path :
         {place / "socket", std::string("\0offshoot-test-", 15) + std::to_string(getpid())}) {
      unix_listener listener(path);
      CHECK(error_of([&] { unix_listener again(path); }).value() == EADDRINUSE);
      auto client = unix_stream::connect(path);
      auto server = listener.accept();
      client.send_all(bytes_of("question"));
      client.shutdown_send();
      CHECK(test::receive_all(server).size() == 8);
      server.send_all(bytes_of("answer"));
      CHECK(client.receive().text() == "answer");
    }
    if (offshoot::reactor_name() != "virtual") {  // whose sockets leave no file behind
      CHECK(error_of([&] { unix_listener again(place / "socket"); }).value() == EADDRINUSE);
    }
    CHECK(error_of([&] { unix_stream::connect(place / "socket"); }).value() == ECONNREFUSED);
    CHECK(error_of([&] { unix_stream::connect(place / "none"); }).value() == ENOENT);
    CHECK(error_of([&] { unix_stream::connect(""); }).value() == EINVAL);
    CHECK(error_of([&] { unix_stream::connect(std::string(200, 'x')); }).value() == ENAMETOOLONG);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "with a full backlog connecting waits its turn") {
  run_in_time([] {
    const directory place;
    const std::string path = place / "socket";
    unix_listener listener(path, 1);
    std::vector<offshoot::task<bool>> clients;
    for (int each = 0; each < 10; ++each) {
      clients.push_back(spawn([path] { return unix_stream::connect(path).is_open(); }));
    }
    yield();
    for (int each = 0; each < 10; ++each) listener.accept();
    for (const auto& each : clients) CHECK(each.join());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a descriptor that is passed on is another's copy") {
  run_in_time([] {
    auto [one, other] = unix_stream::make_pair();
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const descriptor read_end(ends[0]);
    {
      const descriptor write_end(ends[1]);
      one.send_descriptor(write_end.get());
    }
    const auto taker = spawn([&end = other] { return end.receive_descriptor(); });
    const descriptor taken = taker.join();
    REQUIRE(write(taken.get(), "through", 7) == 7);
    char back[16];
    CHECK(read(read_end.get(), back, sizeof back) == 7);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "of several descriptors that come at once only one is taken") {
  run_in_time([] {
    if (offshoot::reactor_name() == "virtual") return;  // the system's way to send them
    auto [one, other] = unix_stream::make_pair();
    const std::size_t before = test::open_descriptors();
    const std::array<int, 4> given{STDERR_FILENO, STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
    char byte = 0;
    iovec part{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof given)> beside{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = beside.data();
    message.msg_controllen = beside.size();
    cmsghdr& header = *CMSG_FIRSTHDR(&message);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(sizeof given);
    std::memcpy(CMSG_DATA(&header), given.data(), sizeof given);
    REQUIRE(sendmsg(one.native_handle(), &message, 0) == 1);
    const descriptor taken = other.receive_descriptor();
    CHECK(taken.get() >= 0);
    CHECK(test::open_descriptors() == before + 1);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "bytes and ends are not taken for descriptors") {
  run_in_time([] {
    auto [one, other] = unix_stream::make_pair();
    one.send_all(bytes_of("b"));
    CHECK(error_of([&end = other] { end.receive_descriptor(); }).value() == EBADMSG);
    CHECK(error_of([&end = one] { end.send_descriptor(1 << 20); }).value() == EBADF);
    const auto waiter =
        spawn([&end = other] { return error_of([&end] { end.receive_descriptor(); }).value(); });
    yield();
    one.close();
    CHECK(waiter.join() == ECONNRESET);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a descriptor that nobody takes holds up nothing") {
  run_in_time([] {
    auto [one, other] = unix_stream::make_pair();
    const std::size_t before = test::open_descriptors();
    one.send_all(bytes_of("before"));
    one.send_descriptor(STDERR_FILENO);
    one.send_all(bytes_of("behind"));
    std::string got;
    while (got.size() < 13) got += other.receive().text();
    CHECK(got == std::string("before\0behind", 13));
    CHECK(test::open_descriptors() == before);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "killed while it waits, who takes a descriptor leaves it") {
  run_in_time([] {
    auto [one, other] = unix_stream::make_pair();
    const auto waiter = spawn([&end = other] { end.receive_descriptor(); });
    yield();
    waiter.kill();
    one.send_descriptor(STDERR_FILENO);
    yield();
    CHECK(waiter.done());
    CHECK(other.receive_descriptor().get() >= 0);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "datagrams come whole; a receiver without room delays") {
  run_in_time([] {
    const directory place;
    const std::string path = place / "datagrams";
    unix_datagram receiver(path);
    const auto sender = spawn([path] {
      unix_datagram own;
      for (std::uint32_t each = 0; each < 2000; ++each) {
        own.send_to(test::random_bytes(each % 700, each), path);
      }
    });
    yield();
    CHECK_FALSE(sender.done());  // its queue is short
    bool same = true;
    for (std::uint32_t each = 0; each < 2000; ++each) {
      const auto got = receiver.receive();
      const auto sent = test::random_bytes(each % 700, each);
      same = same && std::equal(got.bytes().begin(), got.bytes().end(), sent.begin(), sent.end());
    }
    CHECK(same);
    sender.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "a datagram of text is as long as that") {
  run_in_time([] {
    const directory place;
    const std::string path = place / "texts";
    unix_datagram receiver(path);
    unix_datagram().send_to("a literal", path);
    CHECK(receiver.receive().text() == "a literal");
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "who sends datagrams without end lets others run") {
  run_in_time([] {
    if (offshoot::reactor_name() == "virtual")
      return;  // whose receiver cannot be read past the hub
    const directory place;
    unix_datagram receiver(place / "socket");
    unix_datagram sender;
    bool ran = false;
    const auto other = spawn([&ran] { ran = true; });
    for (int sent = 0; sent < 1000; ++sent) {
      sender.send_to(bytes_of("x"), place / "socket");
      char byte = 0;
      REQUIRE(recv(receiver.native_handle(), &byte, 1, MSG_DONTWAIT) == 1);
    }
    CHECK(ran);
    other.join();
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "what was sent to a datagram socket is not its successor's") {
  run_in_time([] {
    const std::string path = std::string("\0offshoot-successor-", 20) + std::to_string(getpid());
    unix_datagram sender;
    for (int round = 0; round < 20; ++round) {
      {
        const unix_datagram first(path);
        sender.send_to(bytes_of("for the first"), path);
      }
      unix_datagram second(path);
      offshoot::sleep_for(std::chrono::milliseconds(1));
      sender.send_to(bytes_of("for the second"), path);
      CHECK(second.receive().text() == "for the second");
    }
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "datagrams and streams do not mix") {
  run_in_time([] {
    const directory place;
    const auto connects_to = [](const std::string& path) {
      return offshoot::with_timeout(std::chrono::seconds(5), [&path] {
        return error_of([&path] { unix_stream::connect(path); }).value();
      });
    };
    const auto sends_to = [](const std::string& path) {
      return error_of([&path] { unix_datagram().send_to(bytes_of("x"), path); }).value();
    };
    const unix_datagram datagrams(place / "datagrams");
    CHECK(connects_to(place / "datagrams") == EPROTOTYPE);
    const unix_listener streams(place / "streams");
    CHECK(sends_to(place / "streams") == EPROTOTYPE);
    const std::string name = std::string("\0offshoot-mixed-", 16) + std::to_string(getpid());
    {
      const unix_datagram there(name);
      CHECK(connects_to(name) == ECONNREFUSED);
    }
    const unix_listener there(name);
    CHECK(sends_to(name) == ECONNREFUSED);
    CHECK(unix_datagram(name).is_open());
  });
}
