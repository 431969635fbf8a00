/// Streams of the simulated network: TCP, Unix sockets, pipes. Errors and their order are those of
/// Linux; Unix sockets and pipes meet no faults but short reads and sends.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "hub/simulated_endpoint.hpp"

namespace offshoot::detail {

int simulated_network::listen(const socket_address& own, int backlog, bool) {
  name made;
  const kind what = own.storage.ss_family == AF_UNIX ? kind::unix_stream : kind::tcp;
  if (const int failed = bind(what, own, made); failed < 0) return failed;
  find(made)->backlog = static_cast<std::size_t>(std::max(backlog, 1));
  return number_of(made);
}

int simulated_network::connect(const socket_address& peer, int& error) {
  constexpr instant time_out = 3'000'000'000;
  const bool local = peer.storage.ss_family == AF_UNIX;
  const kind what = local ? kind::unix_stream : kind::tcp;
  socket_address own = peer;
  if (local) {
    own = {};
  } else {
    set_port(own, free_port());
  }
  const name made = make(what, own);
  happening request{.when = arrival(), .what = event::connect, .to = made, .from = made};
  request.where = place_of(what, peer);
  if (local) {
    const endpoint* const there = find_bound(request.where);
    error = there == nullptr        ? why_not_there(request.where)
            : there->is_datagrams() ? EPROTOTYPE
                                    : 0;
    if (error != 0) return number_of(made);
  }
  if (!local && chance(chosen_.connect_fails)) {
    request.what = event::refused;
    request.error = chance(0.5) ? ECONNREFUSED : ETIMEDOUT;
    if (request.error == ETIMEDOUT) request.when = time_ + time_out;
  }
  schedule(std::move(request));
  error = EINPROGRESS;
  return number_of(made);
}

int simulated_network::outcome(int fd) {
  return -std::exchange(get(fd).error, 0);
}

int simulated_network::accept(int listener) {
  endpoint& own = get(listener);
  if (own.arrived.empty()) return -EAGAIN;
  if (chance(chosen_.accept_fails)) return -EMFILE;
  const name first = own.arrived.front();
  own.arrived.pop_front();
  return number_of(first);
}

void simulated_network::arrive_at_listener(const happening& request) {
  endpoint* const client = find(request.from);
  if (client == nullptr) return;  // has given up
  endpoint* const listener = find_bound(request.where);
  if (listener == nullptr || listener->arrived.size() >= listener->backlog) {
    const bool full = client->what == kind::unix_stream && listener != nullptr;
    schedule({.when = arrival(),
              .what = event::refused,
              .to = request.from,
              .from = request.from,
              .error = full ? EAGAIN : ECONNREFUSED});
    return;
  }
  const name made = make(client->what, listener->own);
  endpoint& server = *find(made);
  server.connected = true;
  server.peer = request.from;
  client->peer = made;
  listener->arrived.push_back(made);
  send_after_all(server, event::connected);
  tell(*listener, true, false);
}

/// The two as one another's peers.
std::array<int, 2> simulated_network::join(name one, name other) {
  for (const auto& [own, peer] : {std::pair(one, other), std::pair(other, one)}) {
    find(own)->connected = true;
    find(own)->peer = peer;
  }
  return {number_of(one), number_of(other)};
}

int simulated_network::make_pair(std::array<int, 2>& ends) {
  const name one = make(kind::unix_stream);
  ends = join(one, make(kind::unix_stream));
  return 0;
}

int simulated_network::make_pipe(std::array<int, 2>& ends) {
  const name in = make(kind::pipe_in);
  ends = join(in, make(kind::pipe_out));
  return 0;
}

ssize_t simulated_network::receive(int fd, std::span<std::byte> into) {
  endpoint& own = get(fd);
  if (own.what == kind::pipe_out) return -EBADF;
  if (!own.unread.empty()) {
    const std::size_t count = std::min(into.size(), own.unread.size());
    const auto end = own.unread.begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(own.unread.begin(), end, into.begin());
    own.read += count;
    while (!own.descriptors.empty() && own.descriptors.front().with < own.read) {
      own.descriptors.pop_front();  // closed: nobody asked for it
    }
    own.unread.erase(own.unread.begin(), end);
    schedule(
        {.when = arrival(), .what = event::room, .to = own.peer, .from = own.self, .count = count});
    return static_cast<ssize_t>(count);
  }
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (own.peer_ended || own.reset) return 0;
  return own.connected ? -EAGAIN : -ENOTCONN;
}

ssize_t simulated_network::send(int fd, std::span<const iovec> parts) {
  endpoint& own = get(fd);
  if (own.what == kind::pipe_in) return -EBADF;
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (own.reset || own.ended) return -EPIPE;
  if (!own.connected) return -ENOTCONN;
  if (is_broken(own)) return -EPIPE;
  const std::size_t room = chosen_.window - std::min(own.outstanding, chosen_.window);
  if (room == 0) return -EAGAIN;
  std::vector<std::byte> all;
  std::size_t wanted = 0;
  for (const iovec& each : parts) {
    wanted += each.iov_len;
    const auto* const first = static_cast<const std::byte*>(each.iov_base);
    all.insert(all.end(), first, first + std::min(each.iov_len, room - all.size()));
  }
  if (all.empty()) return 0;
  // What several send into a FIFO comes whole if it is short.
  const bool whole = own.is_fifo() && wanted <= std::min<std::size_t>(PIPE_BUF, chosen_.window);
  if (whole && wanted > room) return -EAGAIN;
  const std::size_t sent = whole ? wanted : cut(all.size());
  own.outstanding += sent;
  for (std::size_t at = 0; at < sent;) {
    const std::size_t count = whole ? sent : cut(std::min(sent - at, chosen_.largest_piece));
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
    send_after_all(own, event::piece, {first, first + static_cast<std::ptrdiff_t>(count)});
    at += count;
  }
  if (own.what == kind::tcp && chance(chosen_.resets)) {
    send_after_all(own, event::reset);
    schedule({.when = arrival(), .what = event::reset, .to = own.self, .from = own.peer});
  }
  return static_cast<ssize_t>(sent);
}

ssize_t simulated_network::send_file(int fd, int file, off_t offset, std::size_t count) {
  std::vector<std::byte> bytes(std::min(count, chosen_.window));
  const ssize_t got = pread(file, bytes.data(), bytes.size(), offset);
  if (got <= 0) return or_error(got);
  const iovec part{bytes.data(), static_cast<std::size_t>(got)};
  return send(fd, {&part, 1});
}

int simulated_network::end(int fd) {
  endpoint& own = get(fd);
  if (own.is_pipe()) return -ENOTSOCK;
  if (!own.connected || own.reset) return -ENOTCONN;
  if (std::exchange(own.ended, true)) return 0;
  send_after_all(own, event::end);
  if (own.what == kind::tcp) tell(own, false, true);  // who waits to send never will
  return 0;
}

/// Whether this is the end of a pipe or Unix socket, and nobody is at the other one any more.
bool simulated_network::is_broken(const endpoint& own) noexcept {
  if (!own.is_local() || !own.connected) return false;
  const endpoint* const peer = find(own.peer);
  return peer == nullptr || (peer->is_fifo() && peer->opened.empty());
}

/// What the peer sees of a close: an end, or a reset if what it sent was not read, or will not be.
void simulated_network::hang_up(endpoint& leaving) {
  if (!leaving.connected || leaving.reset) return;
  if (!leaving.unread.empty() || leaving.what == kind::pipe_in) {
    send_after_all(leaving, event::reset);
  } else if (!leaving.ended) {
    send_after_all(leaving, event::end);
  }
}

ssize_t simulated_network::send_descriptor(int fd, int given) {
  endpoint& own = get(fd);
  descriptor copy(fcntl(given, F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) return -errno;
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (own.reset || own.ended || find(own.peer) == nullptr) return -EPIPE;
  if (own.outstanding >= chosen_.window) return -EAGAIN;
  ++own.outstanding;
  send_after_all(own, event::piece, {std::byte{0}}, std::move(copy));
  return 1;
}

ssize_t simulated_network::receive_descriptor(int fd, passed_descriptor& into) {
  endpoint& own = get(fd);
  if (!own.descriptors.empty() && own.descriptors.front().with == own.read) {
    into.taken = std::move(own.descriptors.front().given);
  }
  std::byte byte{};
  return receive(fd, {&byte, 1});
}

}  // namespace offshoot::detail
