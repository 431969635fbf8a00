/// Each operation tries, waits, and tries again on its own stack: the kernel never sees an address
/// of a greenlet that is suspended.
#include <offshoot/guard.hpp>
#include <offshoot/hub/tcp.hpp>

#include <cerrno>
#include <optional>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

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
    const ssize_t got = recv(from.fd, into.data(), into.size(), 0);
    if (got >= 0) {
      const auto bytes = static_cast<std::size_t>(got);
      // A short read has drained it: the next byte makes an event of its own. Unless the end came
      // with what was read; of that there was an event already.
      if (bytes < into.size() && !from.ended) from.ready[reading] = false;
      return bytes;
    }
    if (errno == EAGAIN) {
      from.ready[reading] = false;
      return std::nullopt;
    }
    if (errno != EINTR) throw_transfer_error(errno, operation, into.data());
  }
}

}  // namespace

tcp_stream tcp_stream::connect(const std::string& address, std::uint16_t port) {
  const socket_address peer = parse_address(address, port);
  descriptor made(check_call(
      ::socket(peer.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  check_call(setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
  const int fd = made.get();
  tcp_stream connected(open_watch(std::move(made)));
  watch& own = *connected.watch_;
  own.ready[writing] = false;
  int error = ::connect(fd, peer.get(), peer.size) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) {
    wait_until_ready(own, writing, "connect");
    socklen_t size = sizeof error;
    check_call(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), "connect");
  }
  if (error != 0) throw_system_error(error, "connect to " + print_address(address, port));
  own.ready[writing] = true;
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
    const ssize_t sent = send(own.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      own.ready[writing] = false;
    } else if (errno != EINTR) {
      throw_transfer_error(errno, operation, bytes.data());
    }
  }
}

void tcp_stream::shutdown_send() {
  check_call(shutdown(usable(watch_, "shutdown_send").fd, SHUT_WR), "shutdown_send");
}

}  // namespace offshoot
