/// `simulation`: what the reactor `virtual` does to a program, and how often.
#pragma once

#include <offshoot/export.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace offshoot {

/// Under the reactor `virtual` nobody waits: whenever no greenlet is ready, the hub's time jumps to
/// the next deadline or event. The thread's TCP, UDP and Unix sockets, its pipes and FIFOs run over
/// a network in memory, which only they are in, and its `signal_watcher`s see only signals that are
/// simulated; descriptors from elsewhere are the system's. Whatever that network does follows from
/// the seed, so a run whose greenlets use no other source of chance (random addresses, other
/// threads, the real clock instead of `hub_clock`) is repeated by the same seed. Chances are from
/// 0, never, to 1, always.
struct simulation {
  std::uint64_t seed = 1;
  /// How long whatever is sent takes to arrive: between the two, each time anew.
  std::chrono::nanoseconds least_latency = std::chrono::microseconds(20);
  std::chrono::nanoseconds largest_latency = std::chrono::microseconds(200);
  /// What is sent arrives in pieces of at most so many bytes.
  std::size_t largest_piece = 8192;
  /// Bytes that may be under way or unread in one direction; a sender of more waits. Of datagrams
  /// of UDP, as many wait to be received at least; those that come then are lost.
  std::size_t window = 65536;
  /// Of a piece to be cut shorter, and of a send to take only a part of what it is given.
  double cuts = 0;
  /// Of a connection to be refused, or to time out after three seconds.
  double connect_fails = 0;
  /// Of a connection to be reset, for each time that one end sends.
  double resets = 0;
  /// Of a datagram of UDP to be lost, to come twice, to come after some that were sent later.
  double losses = 0;
  double duplicates = 0;
  double reorders = 0;
  /// Of an accept to find that descriptors have run out.
  double accept_fails = 0;
  /// Of an event to be told once more, when there is nothing to it.
  double false_events = 0;
};

/// Raises a signal in the calling thread's simulation, at its present time: to have it later, sleep
/// first. As of a real one, a watcher of the signal gets it that waits or is the next to, and one
/// that nobody has taken yet is not raised twice, unless it is a real-time signal. True: a watcher
/// of this thread has it. False: none is there, and nothing happens, where a real one would have
/// done whatever is set for it: often, ended the process. Throws std::system_error (EINVAL) for
/// what is no signal, `greenlet_error` if the thread's hub is not simulated; what making a hub
/// throws.
OFFSHOOT_API bool simulate_signal(int signal);

}  // namespace offshoot
