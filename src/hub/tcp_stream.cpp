/// Each operation tries, waits, and tries again on its own stack: the kernel never sees an address
/// of a greenlet that is suspended.
#include <offshoot/guard.hpp>
#include <offshoot/hub/tcp.hpp>

#include <cerrno>
#include <optional>

#include "hub/address.hpp"
#include "hub/socket.hpp"

namespace offshoot {
namespace {

using namespace detail;

/// A transfer from or to `buffer` has failed. Guarded mode makes EFAULT of what would have changed
/// the bytes of another greenlet: says whose.
[[noreturn, gnu::noinline, gnu::cold]] void throw_transfer_error(int error, std::string operation,
                                                                 const void* buffer) {
  if (error == EFAULT) {
    if (const std::string owner = describe_address(buffer); !owner.empty()) {
      operation.append(": the buffer lies on ").append(owner);
    }
  }
  throw_system_error(error, operation);
}

/// One attempt; nothing if it would block after all.
std::optional<std::size_t> try_receive(watch& from, std::span<std::byte> into,
                                       const char* operation) {
  for (;;) {
    const ssize_t got = from.calls->receive(from.fd, into);
    if (got >= 0) {
      const auto bytes = static_cast<std::size_t>(got);
      // A short read has drained it: the next byte makes an event of its own. Unless the end came
      // with what was read; of that there was an event already.
      if (bytes < into.size() && !from.ended) from.ready[reading] = false;
      return bytes;
    }
    const auto error = static_cast<int>(-got);
    if (error == EAGAIN) {
      from.ready[reading] = false;
      return std::nullopt;
    }
    if (error != EINTR) throw_transfer_error(error, operation, into.data());
  }
}

}  // namespace

tcp_stream tcp_stream::connect(const std::string& address, std::uint16_t port) {
  const socket_address peer = parse_address(address, port);
  network& net = scheduler::here().events().connections();
  int error = 0;
  const int fd = check_result(net.connect(peer, error), "connect");
  tcp_stream connected(open_watch(fd, net));
  watch& own = *connected.watch_;
  if (error == EINPROGRESS || error == EINTR) {
    own.ready[writing] = false;
    wait_until_ready(own, writing, "connect");
    error = -net.outcome(fd);
  }
  if (error != 0) throw_system_error(error, "connect to " + print_address(address, port));
  return connected;
}

buffer tcp_stream::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  for (;;) {
    wait_until_ready(own, reading, operation);
    buffer leased = buffer::lease();
    if (const auto got = try_receive(own, leased.bytes(), operation)) {
      leased.truncate(*got);
      return leased;
    }
  }
}

std::size_t tcp_stream::receive_some(std::span<std::byte> into) {
  constexpr auto operation = "receive_some";
  watch& own = usable(watch_, operation);
  if (into.empty()) return 0;
  for (;;) {
    wait_until_ready(own, reading, operation);
    if (const auto got = try_receive(own, into, operation)) return *got;
  }
}

void tcp_stream::send_all(std::span<const std::byte> bytes) {
  constexpr auto operation = "send_all";
  watch& own = usable(watch_, operation);
  while (!bytes.empty()) {
    wait_until_ready(own, writing, operation);
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const ssize_t sent = own.calls->send(own.fd, {&part, 1});
    const auto error = static_cast<int>(-sent);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (error == EAGAIN) {
      own.ready[writing] = false;
    } else if (error != EINTR) {
      throw_transfer_error(error, operation, bytes.data());
    }
  }
}

void tcp_stream::shutdown_send() {
  const watch& own = usable(watch_, "shutdown_send");
  check_result(scheduler::find()->events().connections().end(own.fd), "shutdown_send");
}

}  // namespace offshoot
