/// Programs of datagrams, Unix sockets, pipes and `select` on a simulated network: what chance does
/// to them is noticed and made good, and the same seed gives the same run.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using namespace std::chrono_literals;
using offshoot::on_readable;
using offshoot::on_receive;
using offshoot::on_timeout;
using offshoot::select;
using offshoot::spawn;
using test::bytes_of;

namespace {

/// All that a run has come to: what happened, and when.
struct notes {
  std::uint64_t hash = 0xcbf29ce484222325U;
  int lost = 0;
  int repeated = 0;
  int overtaken = 0;
  bool right = true;

  void mix(std::uint64_t word) {
    for (const std::uint64_t each :
         {word,
          static_cast<std::uint64_t>(offshoot::hub_clock::now().time_since_epoch().count())}) {
      hash = (hash ^ each) * 0x100000001b3U;
      hash ^= hash >> 29U;
    }
  }
};

/// Runs `program` on a thread with a simulated hub.
notes simulate(const offshoot::simulation& chosen, void (*program)(notes&)) {
  notes made;
  std::thread([&] {
    offshoot::start_hub({.reactor = "virtual", .simulated = chosen});
    program(made);
    offshoot::kill_tasks();
  }).join();
  return made;
}

/// What two runs have made, which must not differ.
notes simulate_twice(const offshoot::simulation& chosen, void (*program)(notes&)) {
  const notes once = simulate(chosen, program);
  const notes again = simulate(chosen, program);
  CHECK(once.right);
  CHECK(once.hash == again.hash);
  return once;
}

std::uint32_t number_in(const offshoot::buffer& bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::span<const std::byte> bytes_of_number(const std::uint32_t& number) {
  return std::as_bytes(std::span(&number, 1));
}

/// Sends numbers over UDP and counts what becomes of them.
void count_fates(notes& to) {
  constexpr std::uint32_t count = 400;
  offshoot::udp_socket sender;
  const auto receiver = std::make_shared<offshoot::udp_socket>();
  const auto port = receiver->local_port();
  const auto listener = spawn([receiver, &to] {
    std::set<std::uint32_t> seen;
    std::uint32_t largest = 0;
    for (bool more = true; more;) {
      select(on_readable(*receiver,
                         [&] {
                           const std::uint32_t got = number_in(receiver->receive().bytes);
                           to.mix(got);
                           to.right = to.right && got < count;
                           if (!seen.insert(got).second) {
                             ++to.repeated;
                           } else if (got < largest) {
                             ++to.overtaken;
                           }
                           largest = std::max(largest, got);
                         }),
             on_timeout(1s, [&more] { more = false; }));
    }
    to.lost = static_cast<int>(count - seen.size());
  });
  for (std::uint32_t each = 0; each < count; ++each) {
    sender.send_to(bytes_of_number(each), "127.0.0.1", port);
    offshoot::sleep_for(20us);
  }
  listener.join();
}

/// A request is repeated until its answer has come; the server does each once.
void retransmit(notes& to) {
  constexpr std::uint32_t count = 100;
  const auto server = std::make_shared<offshoot::udp_socket>();
  const auto port = server->local_port();
  const auto done = std::make_shared<std::vector<std::uint32_t>>();
  spawn([server, done] {
    for (;;) {
      const auto got = server->receive();
      const std::uint32_t number = number_in(got.bytes);
      if (done->empty() || number > done->back()) done->push_back(number);
      server->send_to(got.bytes.bytes(), got.address, got.port);
    }
  });
  offshoot::udp_socket client;
  client.connect("127.0.0.1", port);
  for (std::uint32_t each = 0; each < count; ++each) {
    for (bool answered = false; !answered;) {
      client.send(bytes_of_number(each));
      const auto deadline = std::chrono::steady_clock::time_point(
          offshoot::hub_clock::now().time_since_epoch() + 2ms);
      for (bool in_time = true; in_time && !answered;) {
        select(on_readable(client,
                           [&] {
                             const std::uint32_t got = number_in(client.receive().bytes);
                             answered = got == each;
                             if (!answered) ++to.repeated;
                           }),
               offshoot::on_deadline(deadline, [&] {
                 in_time = false;
                 ++to.lost;
               }));
      }
    }
    to.mix(each);
  }
  std::vector<std::uint32_t> expected;
  for (std::uint32_t each = 0; each < count; ++each) expected.push_back(each);
  to.right = *done == expected;
}

constexpr std::size_t line_length = 700;

/// Not more than a line, so that the next one is still in the FIFO.
std::string read_line(offshoot::pipe& from) {
  std::string line(line_length, ' ');
  const auto room = std::as_writable_bytes(std::span(line));
  for (std::size_t at = 0; at < line_length;) {
    const std::size_t got = from.receive_some(room.subspan(at));
    if (got == 0) return "";
    at += got;
  }
  return line;
}

/// Several send lines into a FIFO, whose reader goes away for a while.
void collect_lines(notes& to) {
  constexpr int each_sends = 60;
  const auto refused = std::make_shared<int>(0);
  std::vector<offshoot::task<void>> senders;
  const auto read = [&to](offshoot::pipe& from, int count) {
    for (; count > 0; --count) {
      const std::string line = read_line(from);
      to.right = to.right && !line.empty() && line == std::string(line_length, line.front());
      to.mix(static_cast<std::uint64_t>(line.front()));
    }
  };
  {
    auto first = offshoot::pipe::open_to_receive("/nowhere/log");
    for (const char letter : {'a', 'b', 'c'}) {
      senders.push_back(
          spawn([letter, refused, own = offshoot::pipe::open_to_send("/nowhere/log")]() mutable {
            const std::string line(line_length, letter);
            for (int left = each_sends; left > 0;) {
              try {
                own.send_all(bytes_of(line));
                --left;
              } catch (const std::system_error&) {  // nobody reads just now
                ++*refused;
                offshoot::sleep_for(1ms);
              }
            }
          }));
    }
    read(first, 50);
  }
  offshoot::sleep_for(3ms);
  auto second = offshoot::pipe::open_to_receive("/nowhere/log");
  read(second, 3 * each_sends - 50);
  join_all(senders);
  to.right = to.right && second.receive().empty() && *refused > 0;
}

/// One greenlet serves TCP, a Unix socket, UDP and a pipe, until an order comes to end.
void serve_everything(notes& to) {
  const auto tcp = std::make_shared<offshoot::tcp_listener>(0);
  const auto named = std::make_shared<offshoot::unix_listener>("/nowhere/socket");
  const auto udp = std::make_shared<offshoot::udp_socket>();
  const auto letters = std::make_shared<offshoot::unix_datagram>("/nowhere/letters");
  auto [from, into] = offshoot::pipe::make();
  const auto pipe = std::make_shared<offshoot::pipe>(std::move(from));
  const offshoot::channel<bool> orders;
  const auto served = std::make_shared<std::size_t>(0);
  const auto serve_peer = [served](auto peer) {
    spawn([served, peer = std::move(peer)]() mutable {
      while (const auto got = peer.receive()) {
        peer.send_all(got.bytes());
        *served += got.size();
      }
    });
  };
  const auto server = spawn([=, &to] {
    for (bool open = true; open;) {
      to.mix(select(on_readable(*tcp, [&] { serve_peer(tcp->accept()); }),
                    on_readable(*named, [&] { serve_peer(named->accept()); }),
                    on_readable(*udp, [&] { *served += udp->receive().bytes.size(); }),
                    on_readable(*letters, [&] { *served += letters->receive().size(); }),
                    on_readable(*pipe, [&] { *served += pipe->receive().size(); }),
                    on_receive(orders, [&](std::optional<bool>) { open = false; })));
    }
  });
  std::vector<offshoot::task<void>> clients;
  const auto load = [&to](auto stream) {
    const auto sent = test::random_bytes(30'000, 1);
    stream.send_all(sent);
    stream.shutdown_send();
    const auto back = test::receive_all(stream);
    to.right = to.right && back == sent;
    to.mix(back.size());
  };
  for (int each = 0; each < 3; ++each) {
    clients.push_back(spawn([load, port = tcp->local_port()] {
      load(offshoot::tcp_stream::connect("127.0.0.1", port));
    }));
    clients.push_back(spawn([load] { load(offshoot::unix_stream::connect("/nowhere/socket")); }));
    clients.push_back(spawn([port = udp->local_port()] {
      offshoot::udp_socket().send_to(test::random_bytes(1'000, 2), "127.0.0.1", port);
    }));
    clients.push_back(spawn([] {
      offshoot::unix_datagram own;
      for (int sent = 0; sent < 20; ++sent) own.send_to(bytes_of("abcde"), "/nowhere/letters");
    }));
  }
  clients.push_back(spawn([end = std::move(into)]() mutable {
    end.send_all(test::random_bytes(100'000, 3));
    offshoot::sleep_for(10ms);  // while it is open, its end is not readable
  }));
  offshoot::sleep_for(5ms);
  join_all(clients);
  orders.send(true);
  server.join();
  to.right = to.right && *served == 3 * (2 * 30'000 + 1'000 + 20 * 5) + 100'000;
}

}  // namespace

TEST_CASE("datagrams are lost, repeated and overtaken as often as asked, and otherwise never") {
  const notes none = simulate({.seed = 3}, count_fates);
  CHECK(none.right);
  CHECK((none.lost == 0 && none.repeated == 0 && none.overtaken == 0));
  const offshoot::simulation bad{.seed = 3, .losses = 0.2, .duplicates = 0.1, .reorders = 0.1};
  const notes once = simulate(bad, count_fates);
  CHECK(once.right);
  CHECK((once.lost > 40 && once.lost < 140));
  CHECK((once.repeated > 10 && once.repeated < 80));
  CHECK((once.overtaken > 10 && once.overtaken < 80));
  const notes only_lost = simulate({.seed = 3, .losses = 0.5}, count_fates);
  CHECK((only_lost.lost > 140 && only_lost.lost < 260));
  CHECK((only_lost.repeated == 0 && only_lost.overtaken == 0));
}

TEST_CASE("what is sent again until it is answered arrives, whatever is lost") {
  int lost = 0;
  int repeated = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const offshoot::simulation bad{
        .seed = seed, .losses = 0.2, .duplicates = 0.2, .reorders = 0.2, .false_events = 0.2};
    const notes once = simulate_twice(bad, retransmit);
    lost += once.lost;
    repeated += once.repeated;
  }
  CHECK((lost > 100 && repeated > 100));
}

TEST_CASE("one select serves all that is simulated, and its runs repeat") {
  std::set<std::uint64_t> runs;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const offshoot::simulation chosen{
        .seed = seed, .largest_piece = 1460, .window = 16384, .cuts = 0.3, .false_events = 0.3};
    runs.insert(simulate_twice(chosen, serve_everything).hash);
  }
  CHECK(runs.size() == 30);
}

TEST_CASE("lines that several send into a simulated FIFO come whole, and its runs repeat") {
  std::set<std::uint64_t> runs;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    const offshoot::simulation chosen{
        .seed = seed, .largest_piece = 500, .window = 4096, .cuts = 0.5, .false_events = 0.3};
    runs.insert(simulate_twice(chosen, collect_lines).hash);
  }
  CHECK(runs.size() == 30);
}

TEST_CASE("who waits for simulated pipes and datagrams that nobody sends is told") {
  std::thread([] {
    offshoot::start_hub({.reactor = "virtual"});
    auto [from, to] = offshoot::pipe::make();
    CHECK_THROWS_AS(from.receive(), offshoot::would_block_forever);
    auto fifo = offshoot::pipe::open_to_receive("/nowhere/fifo");
    CHECK_THROWS_AS(fifo.receive(), offshoot::would_block_forever);
    offshoot::udp_socket udp;
    CHECK_THROWS_AS(udp.receive(), offshoot::would_block_forever);
    CHECK_THROWS_AS(select(on_readable(udp, [] {})), offshoot::would_block_forever);
  }).join();
}

TEST_CASE("a client that gives up while it connects does not leave its server waiting") {
  simulate({.seed = 3}, [](notes&) {
    for (const bool local : {false, true}) {
      const std::string path = "/server";
      offshoot::tcp_listener listener(0);
      offshoot::unix_listener local_listener(path);
      int accepted = 0;
      const auto server = spawn([&] {
        for (;;) {
          if (local) {
            auto peer = local_listener.accept();
            test::error_of([&] { peer.receive(); });
          } else {
            auto peer = listener.accept();
            test::error_of([&] { peer.receive(); });
          }
          ++accepted;
        }
      });
      for (auto limit = 10us; limit < 500us; limit += 1us) {
        offshoot::with_timeout(limit, [&] {
          if (local) {
            offshoot::unix_stream::connect(path);
          } else {
            offshoot::tcp_stream::connect("127.0.0.1", listener.local_port());
          }
        });
      }
      offshoot::sleep_for(1s);
      CHECK(accepted > 100);
      const auto last = offshoot::with_timeout(1s, [&] {
        if (local) return offshoot::unix_stream::connect(path).is_open();
        return offshoot::tcp_stream::connect("127.0.0.1", listener.local_port()).is_open();
      });
      CHECK(last.has_value());
      const int before = accepted;
      offshoot::sleep_for(1s);
      CHECK(accepted == before + 1);
      server.kill();
      server.wait();
    }
  });
}

TEST_CASE("more simulated sockets than there may be descriptors stand beside one of the system") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{.rlim_cur = 256, .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  simulate({.seed = 3}, [](notes&) {
    std::vector<std::pair<offshoot::pipe, offshoot::pipe>> simulated;
    for (int each = 0; each < 200; ++each) simulated.push_back(offshoot::pipe::make());
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const offshoot::descriptor to(ends[1]);
    auto from = offshoot::pipe::adopt(ends[0]);
    const auto reader = spawn([&from] { return from.receive().size(); });
    offshoot::sleep_for(1s);
    REQUIRE(write(to.get(), "four", 4) == 4);
    CHECK(offshoot::with_timeout(1h, [&] { return reader.join(); }) == 4);
  });
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
