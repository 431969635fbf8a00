/// An echo server with faulty clients on a faulty network, in virtual time: nothing may be lost but
/// what the faults explain, and the same seed must give the same run to the last nanosecond.
///
/// OFFSHOOT_SEEDS=N tries the seeds from 1 to N; OFFSHOOT_SEED=N replays that one and prints it.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

using offshoot::spawn;
using offshoot::tcp_listener;
using offshoot::tcp_stream;

namespace {

/// What the clients have seen, in the order in which they saw it.
enum class seen : unsigned {
  connected,
  refused,
  timed_out,
  echoed,
  wrong,
  reset,
  end,
  closed_by_us,
  killed,
  other_error,
  count
};

struct journal {
  std::uint64_t hash = 0xcbf29ce484222325U;
  std::array<std::uint64_t, static_cast<std::size_t>(seen::count)> counts{};
  std::uint64_t served = 0;
  std::uint64_t last_time = 0;
  std::string other_errors;
  bool ended = false;
  bool prints = false;

  void mix(std::uint64_t word) {
    hash = (hash ^ word) * 0x100000001b3U;
    hash ^= hash >> 29U;
  }
  void note(std::uint32_t client, seen what, std::uint64_t value = 0) {
    last_time = static_cast<std::uint64_t>(offshoot::hub_clock::now().time_since_epoch().count());
    ++counts[static_cast<std::size_t>(what)];
    for (const std::uint64_t each :
         {last_time, std::uint64_t{client}, static_cast<std::uint64_t>(what), value}) {
      mix(each);
    }
    if (prints) {
      std::printf("%12llu ns: client %u, event %u, %llu\n",
                  static_cast<unsigned long long>(last_time), client, static_cast<unsigned>(what),
                  static_cast<unsigned long long>(value));
    }
  }
  std::uint64_t of(seen what) const { return counts[static_cast<std::size_t>(what)]; }
};

struct client {
  std::uint32_t number;
  std::shared_ptr<journal> to;
  std::minstd_rand random;

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random()) % limit; }

  std::vector<std::byte> message(std::uint32_t longest) {
    return test::random_bytes(1 + below(longest), static_cast<std::uint32_t>(random()));
  }

  /// Whether as much as was sent has come back, and that unchanged.
  bool comes_back(tcp_stream& stream, const std::vector<std::byte>& sent) {
    std::size_t at = 0;
    while (at < sent.size()) {
      const auto got = stream.receive();
      if (got.empty()) {
        to->note(number, seen::end, at);
        return false;
      }
      if (got.size() > sent.size() - at ||
          !std::equal(got.bytes().begin(), got.bytes().end(),
                      sent.begin() + static_cast<std::ptrdiff_t>(at))) {
        to->note(number, seen::wrong, at);
        return false;
      }
      at += got.size();
    }
    to->note(number, seen::echoed, at);
    return true;
  }

  void orderly(tcp_stream& stream) {
    for (std::uint32_t left = 1 + below(5); left > 0; --left) {
      const auto sent = message(20'000);
      stream.send_all(sent);
      if (!comes_back(stream, sent)) return;
    }
  }

  void byte_by_byte(tcp_stream& stream) {
    const auto sent = message(30);
    for (const std::byte each : sent) {
      stream.send_all({&each, 1});
      offshoot::sleep_for(std::chrono::microseconds(below(300)));
    }
    comes_back(stream, sent);
  }

  void half_close(tcp_stream& stream) {
    const auto sent = message(5'000);
    stream.send_all(sent);
    stream.shutdown_send();
    if (comes_back(stream, sent) && stream.receive().empty()) to->note(number, seen::end);
  }

  void stall(tcp_stream& stream) {
    const auto sent = message(1'000);
    stream.send_all(sent);
    offshoot::sleep_for(std::chrono::milliseconds(below(50)));
    if (below(2) != 0) comes_back(stream, sent);
  }

  /// Never reads, until somebody kills it.
  void flood(tcp_stream& stream) {
    for (;;) stream.send_all(message(40'000));
  }

  /// A greenlet of its own closes the stream while this one waits for it.
  void closed_under_way(const std::shared_ptr<tcp_stream>& stream) {
    spawn([stream, delay = std::chrono::microseconds(below(2'000))] {
      offshoot::sleep_for(delay);
      stream->close();
    });
    stream->receive();
  }

  void run(std::uint16_t port) try {
    offshoot::sleep_for(std::chrono::microseconds(below(3'000)));
    const auto stream = std::make_shared<tcp_stream>(tcp_stream::connect("127.0.0.1", port));
    to->note(number, seen::connected);
    switch (below(8)) {
      case 0:
        return byte_by_byte(*stream);
      case 1:
        return half_close(*stream);
      case 2:
        return stall(*stream);
      case 3:
        return flood(*stream);
      case 4:
        return closed_under_way(stream);
      default:
        return orderly(*stream);
    }
  } catch (const std::system_error& error) {
    note_error(error);
  } catch (const offshoot::greenlet_exit&) {
    to->note(number, seen::killed);
    throw;
  }

  void note_error(const std::system_error& error) {
    switch (error.code().value()) {
      case ECONNREFUSED:
        return to->note(number, seen::refused);
      case ETIMEDOUT:
        return to->note(number, seen::timed_out);
      case ECONNRESET:
      case EPIPE:
        return to->note(number, seen::reset);
      case ECANCELED:
      case EBADF:
        return to->note(number, seen::closed_by_us);
      default:
        to->other_errors = error.what();
        return to->note(number, seen::other_error);
    }
  }
};

void serve(tcp_listener listener, const std::shared_ptr<journal>& to) {
  for (;;) {
    spawn([peer = listener.accept(), to]() mutable {
      ++to->served;
      try {
        while (const auto got = peer.receive()) peer.send_all(got.bytes());
      } catch (const std::system_error&) {  // clients are like that
      }
    });
  }
}

/// The thread's main greenlet: the server, its clients, and their end.
void run_all(std::uint64_t seed, const std::shared_ptr<journal>& to) {
  constexpr std::uint32_t clients = 12;
  tcp_listener listener(0);
  const auto port = listener.local_port();
  spawn([listener = std::move(listener), to]() mutable { serve(std::move(listener), to); });
  std::vector<offshoot::task<void>> running;
  for (std::uint32_t number = 0; number < clients; ++number) {
    const auto own_seed = static_cast<std::uint32_t>(seed * clients + number + 1);
    running.push_back(spawn(
        [one = client{number, to, std::minstd_rand(own_seed)}, port]() mutable { one.run(port); }));
  }
  // Whoever is not done by then is stuck, for ever or by choice, as those who flood.
  offshoot::sleep_for(std::chrono::seconds(20));
  for (const auto& each : running) {
    if (!each.done()) each.kill();
  }
  for (const auto& each : running) each.join();
  offshoot::kill_tasks();
  to->ended = offshoot::task_count() == 0;
}

/// A fresh thread with a hub of its own.
journal simulate(std::uint64_t seed, bool prints = false) {
  const auto seen_there = std::make_shared<journal>();
  seen_there->prints = prints;
  std::thread([&seen_there, seed] {
    offshoot::start_hub({.reactor = "virtual",
                         .simulated = {.seed = seed,
                                       .largest_piece = 1460,
                                       .window = 16384,
                                       .cuts = 0.3,
                                       .connect_fails = 0.1,
                                       .resets = 0.01,
                                       .accept_fails = 0.1,
                                       .false_events = 0.2}});
    run_all(seed, seen_there);
  }).join();
  return *seen_there;
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

TEST_CASE("whatever clients and network do, no byte is wrong, nobody is forgotten, runs repeat") {
  const std::uint64_t replayed = from_environment("OFFSHOOT_SEED", 0);
  const std::uint64_t first = replayed != 0 ? replayed : 1;
  const std::uint64_t last = replayed != 0 ? replayed : from_environment("OFFSHOOT_SEEDS", 300);
  journal total;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    CAPTURE(seed);  // OFFSHOOT_SEED=... replays it
    const journal once = simulate(seed, replayed != 0);
    const journal again = simulate(seed);
    CHECK(once.hash == again.hash);
    CHECK(once.last_time == again.last_time);
    CHECK(once.ended);
    CHECK(once.of(seen::wrong) == 0);
    CHECK(once.of(seen::other_error) == 0);
    CHECK(once.other_errors == "");
    for (std::size_t each = 0; each < once.counts.size(); ++each) {
      total.counts[each] += once.counts[each];
    }
    total.served += once.served;
    total.mix(once.hash);
  }
  MESSAGE("hash of all: " << total.hash << ", served: " << total.served);
  if (last - first < 50) return;
  // Everything that is meant to be tried did come about.
  for (const seen each : {seen::connected, seen::refused, seen::timed_out, seen::echoed,
                          seen::reset, seen::end, seen::closed_by_us, seen::killed}) {
    CAPTURE(static_cast<unsigned>(each));
    CHECK(total.of(each) > (last - first) / 10);
  }
}

TEST_CASE("another seed is another run") {
  CHECK(simulate(1).hash != simulate(2).hash);
}
