/// What one end does is a happening at the other, some time later; those of one direction come in
/// their order. Errors and their order are those of Linux.
#include "hub/simulated_network.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace offshoot::detail {

struct simulated_network::endpoint {
  name self;
  std::uint64_t key = 0;
  bool watched = false;
  socket_address own{};
  std::map<std::pair<int, int>, int> options;

  // A listener's.
  std::size_t backlog = 0;  ///< 0: it is a stream
  std::deque<name> arrived;

  // A stream's.
  name peer;
  bool connected = false;
  bool ended = false;       ///< will send no more
  bool peer_ended = false;  ///< will receive no more than it has
  bool reset = false;
  int error = 0;  ///< to be told once
  std::vector<std::byte> unread;
  std::size_t outstanding = 0;  ///< bytes sent that the peer has not read, as far as known here
  instant last_arrival = 0;     ///< at the peer, of what was sent last
};

struct simulated_network::happening {
  instant when = 0;
  event what = event::nothing;
  name to;
  name from;
  std::vector<std::byte> bytes = {};
  std::size_t count = 0;  ///< of bytes that were read; or the port
  int error = 0;
  std::uint64_t order = 0;

  /// For a heap with the first on top.
  bool operator<(const happening& other) const noexcept {
    return when != other.when ? when > other.when : order > other.order;
  }
};

simulated_network::simulated_network(const simulation& chosen) noexcept
    : chosen_(chosen), random_(chosen.seed) {}

simulated_network::~simulated_network() = default;

// Chance ----------------------------------------------------------------------------------------

/// A counter, its bits mixed.
std::uint64_t simulated_network::draw() noexcept {
  std::uint64_t mixed = random_ += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ mixed >> 32U) * 0xd6e8feb86659fd93U;
  mixed = (mixed ^ mixed >> 32U) * 0xd6e8feb86659fd93U;
  return mixed ^ mixed >> 32U;
}

/// From 1.
std::uint64_t simulated_network::draw_up_to(std::uint64_t largest) noexcept {
  return 1 + draw() % std::max<std::uint64_t>(largest, 1);
}

bool simulated_network::chance(double of) noexcept {
  return of > 0 && static_cast<double>(draw() >> 11U) * 0x1p-53 < of;
}

/// Of so many bytes in one go, how many really.
std::size_t simulated_network::cut(std::size_t bytes) noexcept {
  return chance(chosen_.cuts) ? draw_up_to(bytes) : bytes;
}

instant simulated_network::arrival() noexcept {
  const auto least = chosen_.least_latency.count();
  const auto spread = chosen_.largest_latency.count() - least;
  return time_ + least +
         (spread > 0 ? static_cast<instant>(draw_up_to(static_cast<std::uint64_t>(spread))) : 1);
}

// Endpoints -------------------------------------------------------------------------------------

simulated_network::name simulated_network::make(const socket_address& own) {
  if (vacant_.empty()) {
    vacant_.reserve(endpoints_.size() + 1);  // so that remove() finds room
    endpoints_.emplace_back();
    vacant_.push_back(endpoints_.size() - 1);
  }
  auto made = std::make_unique<endpoint>();
  std::pop_heap(vacant_.begin(), vacant_.end(), std::greater<>());
  made->self = {vacant_.back(), ++serials_};
  made->own = own;
  vacant_.pop_back();
  const name given = made->self;
  endpoints_[given.place] = std::move(made);
  return given;
}

void simulated_network::remove(name gone) noexcept {
  endpoints_[gone.place].reset();
  vacant_.push_back(gone.place);
  std::push_heap(vacant_.begin(), vacant_.end(), std::greater<>());
}

simulated_network::endpoint* simulated_network::find(name of) noexcept {
  if (of.serial == 0) return nullptr;
  endpoint* const found = endpoints_[of.place].get();
  return found != nullptr && found->self.serial == of.serial ? found : nullptr;
}

simulated_network::endpoint& simulated_network::get(int fd) noexcept {
  return *endpoints_[static_cast<std::size_t>(fd - first_number)];
}

// The calls -------------------------------------------------------------------------------------

std::uint16_t simulated_network::free_port() noexcept {
  do {
    last_port_ = last_port_ == 65535 ? 49152 : static_cast<std::uint16_t>(last_port_ + 1);
  } while (listeners_.contains(last_port_));
  return last_port_;
}

int simulated_network::listen(const socket_address& own, int backlog, bool) {
  socket_address bound = own;
  if (port_of(bound) == 0) set_port(bound, free_port());
  const auto [place, fresh] = listeners_.try_emplace(port_of(bound));
  if (!fresh) return -EADDRINUSE;
  place->second = make(bound);
  find(place->second)->backlog = static_cast<std::size_t>(std::max(backlog, 1));
  return number_of(place->second);
}

int simulated_network::connect(const socket_address& peer, int& error) {
  constexpr instant time_out = 3'000'000'000;
  socket_address own = peer;
  set_port(own, free_port());
  const name made = make(own);
  happening request{.when = arrival(), .what = event::connect, .to = made, .from = made};
  request.count = port_of(peer);
  if (chance(chosen_.connect_fails)) {
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

ssize_t simulated_network::receive(int fd, std::span<std::byte> into) {
  endpoint& own = get(fd);
  if (!own.unread.empty()) {
    const std::size_t count = std::min(into.size(), own.unread.size());
    const auto end = own.unread.begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(own.unread.begin(), end, into.begin());
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
  if (own.error != 0) return -std::exchange(own.error, 0);
  if (own.reset || own.ended) return -EPIPE;
  if (!own.connected) return -ENOTCONN;
  const std::size_t room = chosen_.window - std::min(own.outstanding, chosen_.window);
  if (room == 0) return -EAGAIN;
  std::vector<std::byte> all;
  for (const iovec& each : parts) {
    const auto* const first = static_cast<const std::byte*>(each.iov_base);
    all.insert(all.end(), first, first + std::min(each.iov_len, room - all.size()));
  }
  if (all.empty()) return 0;
  const std::size_t sent = cut(all.size());
  own.outstanding += sent;
  for (std::size_t at = 0; at < sent;) {
    const std::size_t count = cut(std::min(sent - at, chosen_.largest_piece));
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
    send_after_all(own, event::piece, {first, first + static_cast<std::ptrdiff_t>(count)});
    at += count;
  }
  if (chance(chosen_.resets)) {
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

int simulated_network::set_option(int fd, int level, int option, int value) {
  get(fd).options[{level, option}] = value;
  return 0;
}

int simulated_network::get_option(int fd, int level, int option, int& value) {
  const auto& options = get(fd).options;
  const auto found = options.find({level, option});
  value = found != options.end() ? found->second : 0;
  return 0;
}

int simulated_network::end(int fd) {
  endpoint& own = get(fd);
  if (!own.connected || own.reset) return -ENOTCONN;
  if (!std::exchange(own.ended, true)) send_after_all(own, event::end);
  return 0;
}

int simulated_network::local_address(int fd, socket_address& found) {
  found = get(fd).own;
  return 0;
}

/// What the peer sees of a close: an end, or a reset if what it sent was not read.
void simulated_network::hang_up(endpoint& leaving) {
  if (!leaving.connected || leaving.reset) return;
  if (!leaving.unread.empty()) {
    send_after_all(leaving, event::reset);
  } else if (!leaving.ended) {
    send_after_all(leaving, event::end);
  }
}

void simulated_network::close(int fd) noexcept {
  endpoint& leaving = get(fd);
  if (leaving.backlog != 0) {
    listeners_.erase(port_of(leaving.own));
    for (const name each : leaving.arrived) {
      if (endpoint* const nobodys = find(each)) {
        send_after_all(*nobodys, event::reset);
        remove(each);
      }
    }
  } else {
    hang_up(leaving);
  }
  remove(leaving.self);
}

bool simulated_network::is_ready(int fd, short events) {
  const endpoint& own = get(fd);
  if (own.error != 0 || own.reset) return true;
  if (events == POLLIN) return !own.unread.empty() || !own.arrived.empty() || own.peer_ended;
  return own.ended || (own.connected && own.outstanding < chosen_.window);
}

// Happenings ------------------------------------------------------------------------------------

void simulated_network::schedule(happening what) {
  what.order = ++happenings_;
  future_.push_back(std::move(what));
  std::push_heap(future_.begin(), future_.end());
}

/// To the peer of `from`, after everything that was sent before.
void simulated_network::send_after_all(endpoint& from, event what, std::vector<std::byte> bytes) {
  from.last_arrival = std::max(arrival(), from.last_arrival + 1);
  schedule({.when = from.last_arrival,
            .what = what,
            .to = from.peer,
            .from = from.self,
            .bytes = std::move(bytes)});
}

void simulated_network::watch(int fd, std::uint64_t key) {
  endpoint& own = get(fd);
  own.key = key;
  own.watched = true;
  const bool readable = !own.unread.empty() || !own.arrived.empty();
  if (readable || own.peer_ended || own.reset) tell(own, readable, own.reset);
}

void simulated_network::forget(int fd) noexcept {
  get(fd).watched = false;
}

void simulated_network::tell(endpoint& to, bool readable, bool writable) {
  if (!to.watched) return;
  told_.push_back({to.key, readable, writable, to.peer_ended || to.reset});
  if (chance(chosen_.false_events)) {
    schedule({.when = arrival(), .what = event::nothing, .to = to.self, .from = to.self});
  }
}

void simulated_network::arrive_at_listener(const happening& request) {
  endpoint* const client = find(request.from);
  if (client == nullptr) return;  // has given up
  const auto found = listeners_.find(static_cast<std::uint16_t>(request.count));
  endpoint* listener = found != listeners_.end() ? find(found->second) : nullptr;
  if (listener == nullptr || listener->arrived.size() >= listener->backlog) {
    schedule({.when = arrival(),
              .what = event::refused,
              .to = request.from,
              .from = request.from,
              .error = ECONNREFUSED});
    return;
  }
  const name made = make(listener->own);
  endpoint& server = *find(made);
  server.connected = true;
  server.peer = request.from;
  client->peer = made;
  listener->arrived.push_back(made);
  send_after_all(server, event::connected);
  tell(*listener, true, false);
}

void simulated_network::happen(happening& what) {
  if (what.what == event::connect) {
    arrive_at_listener(what);
    return;
  }
  endpoint* const to = find(what.to);
  if (to == nullptr) {
    if (what.what == event::piece) {  // nobody will read it
      schedule({.when = arrival(), .what = event::reset, .to = what.from, .from = what.to});
    }
    return;
  }
  if (to->reset) return;
  switch (what.what) {
    case event::connected:
      to->connected = true;
      tell(*to, false, true);
      break;
    case event::refused:
      to->error = what.error;
      to->reset = true;
      tell(*to, true, true);
      break;
    case event::piece:
      to->unread.insert(to->unread.end(), what.bytes.begin(), what.bytes.end());
      tell(*to, true, false);
      break;
    case event::end:
      to->peer_ended = true;
      tell(*to, true, false);
      break;
    case event::reset:
      to->reset = true;
      to->error = ECONNRESET;
      tell(*to, true, true);
      break;
    case event::room:
      to->outstanding -= what.count;
      // Not for every byte, or streams end up in pieces of one.
      if (to->outstanding <= chosen_.window / 3 * 2) tell(*to, false, true);
      break;
    case event::connect:
    case event::nothing:
      if (to->connected || to->backlog != 0) tell(*to, true, true);
      break;
  }
}

instant simulated_network::next() const noexcept {
  if (!told_.empty()) return time_;
  return future_.empty() ? never : future_.front().when;
}

std::vector<simulated_network::told> simulated_network::advance(instant time) {
  while (!future_.empty() && future_.front().when <= time) {
    std::pop_heap(future_.begin(), future_.end());
    happening first = std::move(future_.back());
    future_.pop_back();
    time_ = std::max(time_, first.when);
    happen(first);
  }
  time_ = time;
  for (std::size_t left = told_.size(); left > 1; --left) {
    std::swap(told_[left - 1], told_[draw_up_to(left) - 1]);
  }
  return std::exchange(told_, {});
}

}  // namespace offshoot::detail
