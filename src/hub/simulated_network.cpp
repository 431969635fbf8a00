/// Chance, endpoints and time. What one end does is a happening at the other, some time later;
/// those of one direction of a stream come in their order.
#include "hub/simulated_network.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <utility>

#include <poll.h>

#include "hub/simulated_endpoint.hpp"

namespace offshoot::detail {

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
  return chance(chosen_.cuts) ? static_cast<std::size_t>(draw_up_to(bytes)) : bytes;
}

instant simulated_network::arrival() noexcept {
  const auto least = chosen_.least_latency.count();
  const auto spread = chosen_.largest_latency.count() - least;
  return time_ + least +
         (spread > 0 ? static_cast<instant>(draw_up_to(static_cast<std::uint64_t>(spread))) : 1);
}

// Endpoints -------------------------------------------------------------------------------------

simulated_network::name simulated_network::make(kind what, const socket_address& own) {
  if (vacant_.empty()) {
    vacant_.reserve(endpoints_.size() + 1);  // so that remove() finds room
    endpoints_.emplace_back();
    vacant_.push_back(endpoints_.size() - 1);
  }
  auto made = std::make_unique<endpoint>();
  std::pop_heap(vacant_.begin(), vacant_.end(), std::greater<>());
  made->self = {vacant_.back(), ++serials_};
  made->what = what;
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

simulated_network::endpoint& simulated_network::opened_as(int fd) noexcept {
  return *endpoints_[static_cast<std::size_t>(fd - first_number)];
}

/// What `fd` stands for.
simulated_network::endpoint& simulated_network::get(int fd) noexcept {
  endpoint& opened = opened_as(fd);
  return opened.shared.serial != 0 ? *find(opened.shared) : opened;
}

/// Where in bound_ a socket of that kind and address is.
std::string simulated_network::place_of(kind what, const socket_address& address) {
  if (address.storage.ss_family == AF_UNIX) {
    std::string path = path_of(address);
    // A name that is abstract, a stream and a datagram socket may have both.
    if (path.front() == '\0') path.insert(1, what == kind::unix_datagram ? "d" : "s");
    return path;
  }
  const char* protocol = "tcp:";
  if (what == kind::udp) protocol = address.storage.ss_family == AF_INET6 ? "udp6:" : "udp4:";
  return protocol + std::to_string(port_of(address));
}

std::uint16_t simulated_network::free_port() {
  const auto taken = [this](const char* protocol) {
    return bound_.contains(protocol + std::to_string(last_port_));
  };
  do {
    last_port_ = last_port_ == 65535 ? 49152 : static_cast<std::uint16_t>(last_port_ + 1);
  } while (taken("tcp:") || taken("udp4:") || taken("udp6:"));
  return last_port_;
}

/// Makes one that is bound to `own`.
int simulated_network::bind(kind what, socket_address own, name& made) {
  if (own.storage.ss_family != AF_UNIX && port_of(own) == 0) set_port(own, free_port());
  const std::string where = place_of(what, own);
  name& place = bound_[where];
  if (place.serial != 0) return -EADDRINUSE;
  made = place = make(what, own);
  find(made)->bound = where;
  return 0;
}

simulated_network::endpoint* simulated_network::find_bound(const std::string& where) noexcept {
  const auto found = bound_.find(where);
  return found != bound_.end() ? find(found->second) : nullptr;
}

/// Of a Unix socket: a path at which there has never been one is not there at all.
int simulated_network::why_not_there(const std::string& where) const noexcept {
  return where.front() == '\0' || bound_.contains(where) ? ECONNREFUSED : ENOENT;
}

int simulated_network::set_option(int fd, int level, int option, int value) {
  endpoint& own = get(fd);
  if (own.is_pipe()) return -ENOTSOCK;
  own.options[{level, option}] = value;
  return 0;
}

int simulated_network::get_option(int fd, int level, int option, int& value) {
  const endpoint& own = get(fd);
  if (own.is_pipe()) return -ENOTSOCK;
  const auto found = own.options.find({level, option});
  value = found != own.options.end() ? found->second : 0;
  return 0;
}

int simulated_network::local_address(int fd, socket_address& found) {
  found = get(fd).own;
  return 0;
}

void simulated_network::close(int fd) noexcept {
  endpoint& leaving = opened_as(fd);
  if (leaving.shared.serial != 0) return close_fifo(leaving);
  if (!leaving.bound.empty()) {
    const auto place = bound_.find(leaving.bound);
    if (leaving.own.storage.ss_family == AF_UNIX && leaving.bound.front() != '\0') {
      place->second = {};
    } else {
      bound_.erase(place);
    }
  }
  for (const name each : leaving.arrived) {
    if (endpoint* const nobodys = find(each)) {
      send_after_all(*nobodys, event::reset);
      remove(each);
    }
  }
  hang_up(leaving);
  remove(leaving.self);
  std::erase_if(signals_, [this](const auto& each) { return !is_watched(each.first); });
}

bool simulated_network::is_ready(int fd, short events) {
  const endpoint& own = get(fd);
  if (own.error != 0 || own.reset) return true;
  if (events == POLLIN) {
    return !own.unread.empty() || !own.arrived.empty() || !own.datagrams.empty() || own.peer_ended;
  }
  return own.ended || own.is_datagrams() || (own.connected && own.outstanding < chosen_.window) ||
         is_broken(own);
}

// Happenings ------------------------------------------------------------------------------------

void simulated_network::schedule(happening what) {
  what.order = ++happenings_;
  future_.push_back(std::move(what));
  std::push_heap(future_.begin(), future_.end());
}

/// To the peer of `from`, after everything that was sent before.
void simulated_network::send_after_all(endpoint& from, event what, std::vector<std::byte> bytes,
                                       descriptor given) {
  from.last_arrival = std::max(arrival(), from.last_arrival + 1);
  schedule({.when = from.last_arrival,
            .what = what,
            .to = from.peer,
            .from = from.self,
            .bytes = std::move(bytes),
            .given = std::move(given)});
}

void simulated_network::watch(int fd, std::uint64_t key) {
  endpoint& opened = opened_as(fd);
  opened.key = key;
  opened.watched = true;
  endpoint& own = get(fd);
  const bool readable = !own.unread.empty() || !own.arrived.empty() || !own.datagrams.empty() ||
                        (own.what == kind::signals && !signals_.empty());
  if (readable || own.peer_ended || own.reset) tell(own, readable, own.reset);
}

void simulated_network::forget(int fd) noexcept {
  opened_as(fd).watched = false;
}

void simulated_network::tell(endpoint& to, bool readable, bool writable) {
  for (const name each : to.opened) {
    const endpoint& opened = *find(each);
    if (opened.watched) told_.push_back({opened.key, readable, writable, to.peer_ended});
  }
  if (!to.watched && to.opened.empty()) return;
  if (to.watched) told_.push_back({to.key, readable, writable, to.peer_ended || to.reset});
  if (chance(chosen_.false_events)) {
    schedule({.when = arrival(), .what = event::nothing, .to = to.self, .from = to.self});
  }
}

void simulated_network::happen(happening& what) {
  if (what.what == event::connect) {
    arrive_at_listener(what);
    return;
  }
  if (what.what == event::datagram) {
    arrive_at_datagrams(what);
    return;
  }
  endpoint* const to = find(what.to);
  if (to == nullptr) {
    const endpoint* const from = find(what.from);
    // Nobody will read it, or has waited for the connection: a local one has been hung up already.
    if (from != nullptr && (what.what == event::piece || what.what == event::connected)) {
      const bool hung_up = what.what == event::connected && from->is_local();
      schedule({.when = arrival(),
                .what = hung_up ? event::end : event::reset,
                .to = what.from,
                .from = what.to});
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
      if (what.given.get() >= 0) {
        to->descriptors.push_back({to->read + to->unread.size(), std::move(what.given)});
      }
      to->unread.insert(to->unread.end(), what.bytes.begin(), what.bytes.end());
      tell(*to, true, false);
      break;
    case event::end:
      if (to->is_fifo() && !is_broken(*to)) break;  // opened again to send
      to->peer_ended = true;
      tell(*to, true, false);
      break;
    case event::reset:
      to->reset = true;
      to->error = to->is_pipe() ? 0 : ECONNRESET;
      tell(*to, true, true);
      break;
    case event::room:
      to->outstanding -= what.count;
      // Not for every byte, or streams end up in pieces of one.
      if (to->outstanding <= chosen_.window / 3 * 2) tell(*to, false, true);
      break;
    case event::unreachable:
      to->error = ECONNREFUSED;
      tell(*to, true, true);
      break;
    case event::connect:
    case event::datagram:
    case event::nothing:
      if (to->connected || to->backlog != 0 || to->is_datagrams() || to->what == kind::signals) {
        tell(*to, true, true);
      }
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
    std::swap(told_[left - 1], told_[static_cast<std::size_t>(draw_up_to(left)) - 1]);
  }
  return std::exchange(told_, {});
}

}  // namespace offshoot::detail
