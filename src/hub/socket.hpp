/// What all users of watched descriptors share: making, checking, waiting, closing.
#pragma once

#include <offshoot/hub/socket.hpp>

#include <array>
#include <cerrno>
#include <utility>

#include "hub/descriptor.hpp"
#include "hub/scheduler.hpp"
#include "hub/transport.hpp"

namespace offshoot::detail {

/// Has this thread's hub watch `fd`, which must not block; takes it over, also if this throws. The
/// caller owns the result until close_watch() or abandon_watch(). `calls` lives as long as the hub.
watch* open_watch(int fd, transport& calls);

/// The same for two; both are taken over.
std::pair<watch*, watch*> open_watches(const std::array<int, 2>& ends, transport& calls);

/// The calling thread's: where its sockets and pipes are made.
network& sockets_here();

/// What has become of a connection, of which network::connect() said `error`: 0, or an error.
int outcome_of_connect(watch& own, network& from, int error);

/// Closes the descriptor; whoever waits for it gets an error; lets go of it. On its own thread.
void close_watch(watch* owned) noexcept;
/// The same from any thread.
void abandon_watch(watch* owned) noexcept;

/// `what` if it is open and this thread's; else throws std::system_error (EBADF) or `wrong_thread`.
/// `operation` begins the message.
watch& usable(watch* what, const char* operation);

/// For who holds one beyond the socket's life.
void let_go(watch& held) noexcept;
[[noreturn]] void throw_closed_meanwhile(const char* operation);

/// Makes the greenlet the one who waits for `what` in this direction, and holds it; until
/// leave_place(). Throws std::system_error (EBUSY) if another does so.
void take_place(watch& what, direction way, record& self, const char* operation);
void leave_place(watch& what, direction way) noexcept;

/// Returns when `what` is ready in this direction: at once if it is already. Throws
/// std::system_error: EBUSY if another greenlet waits for the same, ECANCELED if it was closed
/// meanwhile; then `what` may be gone.
void wait_until_ready(watch& what, direction way, const char* operation);

/// Waits until `deadline`, ready or not. Throws as wait_until_ready() does.
void pause_until(watch& what, direction way, instant deadline, const char* operation);

/// Accepts a connection, and watches it.
watch* accept_watch(watch* listener, network& from);

std::uint16_t local_port_of(watch* what);

/// The result of `call`, which returns -errno where it fails, as soon as it is one other than
/// EAGAIN. Throws errors.
template <class Call>
ssize_t call_when_ready(watch& own, direction way, const char* operation, Call call) {
  for (;;) {
    wait_until_ready(own, way, operation);
    const ssize_t result = call();
    if (result >= 0) return result;
    if (result == -EAGAIN) {
      own.ready[way] = false;
    } else if (result != -EINTR) {
      throw_system_error(static_cast<int>(-result), operation);
    }
  }
}

}  // namespace offshoot::detail
