/// Datagrams of the simulated network: UDP, which loses, repeats and reorders them as chance has
/// it, and those of Unix sockets, which come once and in order, and whose sender waits for room.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <netinet/in.h>

#include "hub/simulated_endpoint.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t largest_datagram = 65507;
/// As many wait for the receiver of Unix datagrams at most.
constexpr std::size_t longest_queue = 10;

bool is_any(const socket_address& address) noexcept {
  const std::string host = host_of(address);
  return host == "0.0.0.0" || host == "::";
}

}  // namespace

int simulated_network::open_datagrams(int family, const socket_address* own) {
  const kind what = family == AF_UNIX ? kind::unix_datagram : kind::udp;
  name made;
  if (own == nullptr) {
    made = make(what);
  } else if (const int failed = bind(what, *own, made); failed < 0) {
    return failed;
  }
  return number_of(made);
}

int simulated_network::set_peer(int fd, const socket_address& peer) {
  endpoint& own = get(fd);
  if (peer.storage.ss_family != own.own.storage.ss_family) return -EAFNOSUPPORT;
  own.peer_bound = place_of(own.what, peer);
  own.peer_address = peer;
  return 0;
}

ssize_t simulated_network::send_to(int fd, std::span<const std::byte> bytes,
                                   const socket_address* to) {
  endpoint& own = get(fd);
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (bytes.size() > largest_datagram) return -EMSGSIZE;
  if (to == nullptr && own.peer_bound.empty()) return -EDESTADDRREQ;
  const socket_address& destination = to != nullptr ? *to : own.peer_address;
  const std::string where = place_of(own.what, destination);
  const std::vector<std::byte> all(bytes.begin(), bytes.end());
  if (own.what == kind::unix_datagram) {
    endpoint* const receiver = find_bound(where);
    if (receiver == nullptr) return -why_not_there(where);
    if (!receiver->is_datagrams()) return -EPROTOTYPE;
    if (receiver->queued == longest_queue) return -EAGAIN;
    ++receiver->queued;
    send_copy(own, where, all, own.own, receiver->self);
    return static_cast<ssize_t>(bytes.size());
  }
  if (destination.storage.ss_family != own.own.storage.ss_family) return -EAFNOSUPPORT;
  socket_address source = own.own;
  if (is_any(source)) {
    source = destination;  // one machine
    set_port(source, port_of(own.own));
  }
  if (chance(chosen_.losses)) return static_cast<ssize_t>(bytes.size());
  send_copy(own, where, all, source, {});
  if (chance(chosen_.duplicates)) send_copy(own, where, all, source, {});
  return static_cast<ssize_t>(bytes.size());
}

/// To `receiver`, or to whoever has that place then. In the order of sending; those that chance
/// delays are overtaken by what is sent soon after.
void simulated_network::send_copy(endpoint& own, const std::string& where,
                                  std::vector<std::byte> bytes, const socket_address& source,
                                  name receiver) {
  instant when = arrival();
  if (own.what == kind::udp && chance(chosen_.reorders)) {
    when += 4 * chosen_.largest_latency.count();
  } else {
    when = own.last_arrival = std::max(when, own.last_arrival + 1);
  }
  happening sent{.when = when, .what = event::datagram, .to = receiver, .from = own.self};
  sent.where = where;
  sent.carried = std::make_unique<datagram>(datagram{std::move(bytes), source});
  schedule(std::move(sent));
}

void simulated_network::arrive_at_datagrams(happening& what) {
  endpoint* const sender = find(what.from);
  endpoint* const receiver = what.to.serial != 0 ? find(what.to) : find_bound(what.where);
  if (receiver == nullptr) {
    if (sender != nullptr && sender->peer_bound == what.where) {  // the others are not told
      schedule({.when = arrival(), .what = event::unreachable, .to = what.from, .from = what.from});
    }
    return;
  }
  if (receiver->what == kind::udp) {
    if (!receiver->peer_bound.empty() &&
        receiver->peer_bound != place_of(kind::udp, what.carried->source)) {
      return;
    }
    const std::size_t size = what.carried->bytes.size();
    if (receiver->queued + size > std::max(chosen_.window, largest_datagram)) return;  // no room
    receiver->queued += size;
  }
  receiver->datagrams.push_back(std::move(*what.carried));
  tell(*receiver, true, false);
}

ssize_t simulated_network::receive_from(int fd, std::span<std::byte> into, socket_address& from,
                                        bool& cut) {
  endpoint& own = get(fd);
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (own.datagrams.empty()) return -EAGAIN;
  const datagram first = std::move(own.datagrams.front());
  own.datagrams.pop_front();
  own.queued -= own.what == kind::udp ? first.bytes.size() : 1;
  const std::size_t count = std::min(into.size(), first.bytes.size());
  std::copy_n(first.bytes.begin(), count, into.begin());
  from = first.source;
  cut = count < first.bytes.size();
  return static_cast<ssize_t>(count);
}

}  // namespace offshoot::detail
