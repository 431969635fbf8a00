/// What a simulated network is made of: the ends of streams, listeners, pipes and datagram sockets,
/// and what is on its way to them.
#pragma once

#include <offshoot/hub/descriptor.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/simulated_network.hpp"

namespace offshoot::detail {

struct simulated_network::datagram {
  std::vector<std::byte> bytes;
  socket_address source{};
};

struct simulated_network::endpoint {
  name self;
  kind what = kind::tcp;
  std::uint64_t key = 0;
  bool watched = false;
  socket_address own{};
  std::string bound;  ///< under this; empty: it is not
  std::map<std::pair<int, int>, int> options;

  // A listener's.
  std::size_t backlog = 0;  ///< 0: it is none
  std::deque<name> arrived;

  // A stream's, or of one end of a pipe.
  name peer;
  bool connected = false;
  bool ended = false;       ///< will send no more
  bool peer_ended = false;  ///< will receive no more than it has
  bool reset = false;
  int error = 0;  ///< to be told once
  std::vector<std::byte> unread;
  std::size_t outstanding = 0;  ///< bytes sent that the peer has not read, as far as known here
  instant last_arrival = 0;     ///< of what was sent last and in order
  std::uint64_t read = 0;       ///< bytes
  struct passed {
    std::uint64_t with;  ///< the byte of this number
    descriptor given;
  };
  std::deque<passed> descriptors;

  // A FIFO's: an end as somebody has it open stands for the pipe's that all share.
  name shared;
  std::string path;          ///< of that pipe's ends
  std::vector<name> opened;  ///< who stands for this end

  // A signal watcher's.
  sigset_t signals{};

  // A datagram socket's.
  std::string peer_bound;  ///< the only one that it hears; empty: it hears all
  socket_address peer_address{};
  std::deque<datagram> datagrams;
  std::size_t queued = 0;  ///< bytes of them; of Unix datagrams the number, with those under way

  bool is_pipe() const noexcept { return what == kind::pipe_in || what == kind::pipe_out; }
  bool is_fifo() const noexcept { return !path.empty(); }
  bool is_datagrams() const noexcept { return what == kind::udp || what == kind::unix_datagram; }
  /// Whether its program and its peer's share a system, which knows at once who has gone.
  bool is_local() const noexcept { return is_pipe() || what == kind::unix_stream; }
};

struct simulated_network::happening {
  instant when = 0;
  event what = event::nothing;
  name to = {};
  name from = {};
  std::vector<std::byte> bytes = {};
  std::size_t count = 0;  ///< of bytes that were read
  int error = 0;
  std::string where = {};           ///< what it goes to is bound there
  descriptor given = descriptor();  ///< goes with the byte
  std::unique_ptr<datagram> carried = nullptr;
  std::uint64_t order = 0;

  /// For a heap with the first on top.
  bool operator<(const happening& other) const noexcept {
    return when != other.when ? when > other.when : order > other.order;
  }
};

}  // namespace offshoot::detail
