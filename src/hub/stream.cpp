/// Each operation tries, waits, and tries again on its own stack: the kernel never sees an address
/// of a greenlet that is suspended.
#include <offshoot/guard.hpp>
#include <offshoot/hub/stream.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>

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
      if (bytes < into.size() && !from.ended && from.short_read_drains) {
        from.ready[reading] = false;
      }
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

/// The same into memory that is leased only now. Not inlined: what it needs must not lie in the
/// frame of one that waits.
[[gnu::noinline]] bool try_receive(watch& from, buffer& into, const char* operation) {
  buffer leased = buffer::lease();
  const auto got = try_receive(from, leased.bytes(), operation);
  if (!got) return false;
  leased.truncate(*got);
  into = std::move(leased);
  return true;
}

/// One attempt at `call`, which sends; nothing if it would block after all.
template <class Call>
std::optional<std::size_t> try_send(watch& to, const char* operation, const void* from, Call call) {
  for (;;) {
    const ssize_t sent = call();
    if (sent >= 0) return static_cast<std::size_t>(sent);
    const auto error = static_cast<int>(-sent);
    if (error == EAGAIN) {
      to.ready[writing] = false;
      return std::nullopt;
    }
    if (error != EINTR) throw_transfer_error(error, operation, from);
  }
}

/// What is left of several parts.
struct rest_of_parts {
  std::span<const std::span<const std::byte>> parts;
  std::size_t sent = 0;  ///< of the first

  void skip(std::size_t bytes) noexcept {
    sent += bytes;
    while (!parts.empty() && sent >= parts.front().size()) {
      sent -= parts.front().size();
      parts = parts.subspan(1);
    }
  }
};

/// Not inlined: the array must not lie in the frame of one that waits.
[[gnu::noinline]] std::optional<std::size_t> try_send_parts(watch& to, const rest_of_parts& rest,
                                                            const char* operation) {
  std::array<iovec, 64> vectors;
  const std::size_t count = std::min(rest.parts.size(), vectors.size());
  for (std::size_t each = 0; each < count; ++each) {
    const auto part = rest.parts[each].subspan(each == 0 ? rest.sent : 0);
    vectors[each] = {const_cast<std::byte*>(part.data()), part.size()};
  }
  return try_send(to, operation, vectors[0].iov_base, [&] {
    return to.calls->send(to.fd, {vectors.data(), count});
  });
}

}  // namespace

buffer stream::receive() {
  constexpr auto operation = "receive";
  watch& own = usable(watch_, operation);
  buffer received;
  do {
    wait_until_ready(own, reading, operation);
  } while (!try_receive(own, received, operation));
  return received;
}

std::size_t stream::receive_some(std::span<std::byte> into) {
  constexpr auto operation = "receive_some";
  watch& own = usable(watch_, operation);
  if (into.empty()) return 0;
  for (;;) {
    wait_until_ready(own, reading, operation);
    if (const auto got = try_receive(own, into, operation)) return *got;
  }
}

void stream::send_all(std::span<const std::byte> bytes) {
  constexpr auto operation = "send_all";
  watch& own = usable(watch_, operation);
  while (!bytes.empty()) {
    wait_until_ready(own, writing, operation);
    const iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    const auto sent = try_send(own, operation, bytes.data(), [&] {
      return own.calls->send(own.fd, {&part, 1});
    });
    bytes = bytes.subspan(sent.value_or(0));
  }
}

void stream::send_all(std::span<const std::span<const std::byte>> parts) {
  constexpr auto operation = "send_all";
  watch& own = usable(watch_, operation);
  rest_of_parts rest{parts};
  for (rest.skip(0); !rest.parts.empty();) {
    wait_until_ready(own, writing, operation);
    rest.skip(try_send_parts(own, rest, operation).value_or(0));
  }
}

std::uint64_t stream::send_file(int file, std::uint64_t offset, std::uint64_t count) {
  constexpr auto operation = "send_file";
  constexpr std::uint64_t at_once = std::uint64_t{1} << 20U;
  watch& own = usable(watch_, operation);
  std::uint64_t sent = 0;
  while (sent < count) {
    wait_until_ready(own, writing, operation);
    const auto more = try_send(own, operation, nullptr, [&] {
      return own.calls->send_file(own.fd, file, static_cast<off_t>(offset + sent),
                                  static_cast<std::size_t>(std::min(count - sent, at_once)));
    });
    if (more == 0U) break;  // the end of the file
    sent += more.value_or(0);
  }
  return sent;
}

void stream::shutdown_send() {
  const watch& own = usable(watch_, "shutdown_send");
  check_result(own.calls->end(own.fd), "shutdown_send");
}

}  // namespace offshoot
