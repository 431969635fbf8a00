/// Every operation on a socket or pipe that can wait: killed or timed out there it has taken
/// nothing, closed there it says so, and whoever may not use it is refused; afterwards the next one
/// goes as if nothing had been.
#include <cerrno>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using namespace std::chrono_literals;
using offshoot::spawn;
using test::bytes_of;
using test::error_of;
using test::hub_leaves_nothing;

namespace {

/// An operation that waits, as long as nobody does anything about it.
struct waiting_call {
  std::string name;
  std::function<void()> wait;
  std::function<void()> close;
  std::function<bool()> works;  ///< makes the same operation succeed
};

constexpr std::size_t more_than_fits = std::size_t{32} << 20U;

/// Calls on a stream that has nothing to give, and whose peer gives when told.
template <class End>
void add_receivers(std::vector<waiting_call>& to, const std::string& kind,
                   const std::shared_ptr<std::pair<End, End>>& ends) {
  End& own = ends->first;
  End& peer = ends->second;
  const auto close = [ends, &own] { own.close(); };
  to.push_back({kind + " receive", [ends, &own] { own.receive(); }, close,
                [ends, &own, &peer] {
                  peer.send_all(bytes_of("abc"));
                  return own.receive().text() == "abc";
                }});
  to.push_back({kind + " receive_some",
                [ends, &own] {
                  std::byte one{};
                  own.receive_some({&one, 1});
                },
                close,
                [ends, &own, &peer] {
                  peer.send_all(bytes_of("a"));
                  std::byte one{};
                  return own.receive_some({&one, 1}) == 1;
                }});
  to.push_back({kind + " select, readable",
                [ends, &own] { offshoot::select(on_readable(own, [] {})); }, close,
                [ends, &own, &peer] {
                  peer.send_all(bytes_of("x"));
                  bool came = false;
                  offshoot::select(on_readable(own, [&] { came = own.receive().text() == "x"; }));
                  return came;
                }});
  const auto reading = std::make_shared<offshoot::reader>(own);
  to.push_back({kind + " read_until", [ends, reading] { reading->read_until("\n"); }, close,
                [ends, reading, &peer] {
                  peer.send_all(bytes_of("line\n"));
                  return reading->read_until("\n") == "line\n";
                }});
}

/// Has `send` run until it waits.
template <class F>
void fill(F send) {
  const struct filler {
    offshoot::task<void> sending;
    ~filler() { sending.kill(); }
  } own{spawn(std::move(send))};
  offshoot::yield();
  own.sending.kill();
  own.sending.wait();
}

/// Calls that send more than the peer, which does not read, has room for.
template <class End>
void add_senders(std::vector<waiting_call>& to, const std::string& kind,
                 const std::shared_ptr<std::pair<End, End>>& ends) {
  End& own = ends->first;
  End& peer = ends->second;
  const auto close = [ends, &own] { own.close(); };
  const auto works = [ends, &own, &peer] {
    const auto drain = spawn([ends, &peer] {
      for (;;) peer.receive();
    });
    own.send_all(std::vector<std::byte>(1 << 20));
    drain.kill();
    drain.join();
    return true;
  };
  to.push_back({kind + " send_all",
                [ends, &own] { own.send_all(std::vector<std::byte>(more_than_fits)); }, close,
                works});
  to.push_back({kind + " send_all of parts",
                [ends, &own] {
                  const std::vector<std::byte> half(more_than_fits / 2);
                  const std::vector<std::span<const std::byte>> parts{half, half};
                  own.send_all(parts);
                },
                close, works});
  to.push_back({kind + " select, writable",
                [ends, &own] {
                  for (;;) {
                    fill([ends, &own] {
                      try {
                        own.send_all(std::vector<std::byte>(more_than_fits));
                      } catch (const std::exception&) {  // the select meets the same
                      }
                    });
                    offshoot::select(on_writable(own, [] {}));
                  }
                },
                close, works});
}

template <class End>
std::shared_ptr<std::pair<End, End>> share(std::pair<End, End> ends) {
  return std::make_shared<std::pair<End, End>>(std::move(ends));
}

std::shared_ptr<std::pair<offshoot::tcp_stream, offshoot::tcp_stream>> tcp_ends() {
  auto made = test::connect_pair();
  return share(std::pair(std::move(made.server), std::move(made.client)));
}

std::pair<offshoot::pipe, offshoot::pipe> turned(std::pair<offshoot::pipe, offshoot::pipe> ends) {
  return {std::move(ends.second), std::move(ends.first)};
}

std::vector<waiting_call> all_calls() {
  std::vector<waiting_call> all;
  add_receivers(all, "tcp", tcp_ends());
  add_senders(all, "tcp", tcp_ends());
  add_receivers(all, "unix", share(offshoot::unix_stream::make_pair()));
  add_senders(all, "unix", share(offshoot::unix_stream::make_pair()));
  add_receivers(all, "pipe", share(offshoot::pipe::make()));
  add_senders(all, "pipe", share(turned(offshoot::pipe::make())));

  const auto listener = std::make_shared<offshoot::tcp_listener>(0);
  const auto port = listener->local_port();
  all.push_back({"tcp accept", [listener] { listener->accept(); },
                 [listener] { listener->close(); },
                 [listener, port] {
                   const auto client = offshoot::tcp_stream::connect("127.0.0.1", port);
                   return listener->accept().is_open();
                 }});

  all.push_back(
      {"tcp accept by select", [listener] { offshoot::select(on_readable(*listener, [] {})); },
       [listener] { listener->close(); },
       [listener, port] {
         const auto client = offshoot::tcp_stream::connect("127.0.0.1", port);
         bool came = false;
         offshoot::select(on_readable(*listener, [&] { came = listener->accept().is_open(); }));
         return came;
       }});

  const std::string name = std::string("\0offshoot-", 10) + std::to_string(getpid());
  const auto named = std::make_shared<offshoot::unix_listener>(name);
  all.push_back({"unix accept", [named] { named->accept(); }, [named] { named->close(); },
                 [named, name] {
                   const auto client = offshoot::unix_stream::connect(name);
                   return named->accept().is_open();
                 }});

  const auto passing = share(offshoot::unix_stream::make_pair());
  all.push_back({"receive_descriptor", [passing] { passing->first.receive_descriptor(); },
                 [passing] { passing->first.close(); },
                 [passing] {
                   passing->second.send_descriptor(STDERR_FILENO);
                   return passing->first.receive_descriptor().get() >= 0;
                 }});

  const auto udp = std::make_shared<offshoot::udp_socket>();
  all.push_back({"udp receive", [udp] { udp->receive(); }, [udp] { udp->close(); },
                 [udp] {
                   udp->send_to(bytes_of("abc"), "127.0.0.1", udp->local_port());
                   return udp->receive().bytes.text() == "abc";
                 }});

  all.push_back({"udp select, readable", [udp] { offshoot::select(on_readable(*udp, [] {})); },
                 [udp] { udp->close(); },
                 [udp] {
                   udp->send_to(bytes_of("abc"), "127.0.0.1", udp->local_port());
                   bool came = false;
                   offshoot::select(
                       on_readable(*udp, [&] { came = udp->receive().bytes.text() == "abc"; }));
                   return came;
                 }});

  const std::string box = name + "-box";
  const auto receiver = std::make_shared<offshoot::unix_datagram>(box);
  const auto sender = std::make_shared<offshoot::unix_datagram>();
  all.push_back({"unix datagram send_to",
                 [sender, receiver, box] {
                   for (;;) sender->send_to(bytes_of("abc"), box);
                 },
                 [sender] { sender->close(); },
                 [sender, receiver, box] {
                   const auto drain = spawn([receiver] {
                     for (;;) receiver->receive();
                   });
                   for (int each = 0; each < 100; ++each) sender->send_to(bytes_of("abc"), box);
                   drain.kill();
                   drain.join();
                   return true;
                 }});
  const auto quiet = std::make_shared<offshoot::unix_datagram>(name + "-quiet");
  all.push_back({"unix datagram receive", [quiet] { quiet->receive(); },
                 [quiet] { quiet->close(); },
                 [quiet, sender, name] {
                   const auto own = std::make_shared<offshoot::unix_datagram>();
                   own->send_to(bytes_of("abc"), name + "-quiet");
                   return quiet->receive().text() == "abc";
                 }});
  return all;
}

/// Long enough for an operation to fill whatever it fills, and to wait.
void let_it_wait() {
  for (int each = 0; each < 20; ++each) offshoot::sleep_for(std::chrono::microseconds(500));
}

/// Each with sockets of its own.
template <class F>
void for_each_call(F check) {
  test::run_in_time([check] {
    constexpr std::size_t calls = 29;
    CHECK(all_calls().size() == calls);
    for (std::size_t each = 0; each < calls; ++each) {
      const waiting_call call = all_calls()[each];
      CAPTURE(call.name);
      check(call);
    }
  });
}

}  // namespace

TEST_CASE_FIXTURE(hub_leaves_nothing, "killed where it waits, each operation has taken nothing") {
  for_each_call([](const waiting_call& call) {
    for (int round = 0; round < 2; ++round) {
      const auto victim = spawn([&call] { call.wait(); });
      let_it_wait();
      CHECK_FALSE(victim.done());
      victim.kill();
      victim.join();
    }
    CHECK(call.works());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing, "closed where it waits, each operation says so") {
  for_each_call([](const waiting_call& call) {
    const auto victim = spawn([&call] { return error_of(call.wait).value(); });
    let_it_wait();
    CHECK_FALSE(victim.done());
    call.close();
    CHECK(victim.join() == ECANCELED);
    CHECK(error_of(call.wait).value() == EBADF);
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "timed out where it waits, at once or later, each operation has taken nothing") {
  for_each_call([](const waiting_call& call) {
    for (const std::chrono::nanoseconds time :
         {std::chrono::nanoseconds(-1h), 0ns, std::chrono::nanoseconds(2ms)}) {
      const auto victim =
          spawn([&call, time] { return offshoot::with_timeout(time, [&call] { call.wait(); }); });
      CHECK_FALSE(victim.join());
    }
    CHECK(call.works());
  });
}

TEST_CASE_FIXTURE(hub_leaves_nothing,
                  "where one waits already, a second and another thread are refused") {
  for_each_call([](const waiting_call& call) {
    const auto first = spawn([&call] { call.wait(); });
    let_it_wait();
    CHECK(error_of(call.wait).value() == EBUSY);
    std::thread([&call] { CHECK_THROWS_AS(call.wait(), offshoot::wrong_thread); }).join();
    CHECK_FALSE(first.done());
    first.kill();
    first.join();
    CHECK(call.works());
  });
}
