#include "hub/socket.hpp"

#include <cerrno>
#include <new>
#include <string>

#include <unistd.h>

namespace offshoot::detail {
namespace {

bool is_home(const watch& what) noexcept {
  const scheduler* here = scheduler::find();
  return here != nullptr && here->post_box() == what.home;
}

[[noreturn, gnu::noinline, gnu::cold]] void throw_busy(const char* operation) {
  throw_system_error(EBUSY, std::string(operation) + ": another greenlet does so already");
}

[[noreturn, gnu::noinline, gnu::cold]] void throw_closed(const char* operation) {
  throw_system_error(EBADF, std::string(operation) + ": the socket is closed");
}

[[noreturn, gnu::noinline, gnu::cold]] void throw_not_home(const char* operation) {
  throw wrong_thread(std::string("offshoot: ") + operation +
                     ": the socket belongs to another thread's hub; post the work there");
}

/// The calling greenlet's place as the one who waits.
class waiting_place {
 public:
  waiting_place(watch& what, direction way, record& self, const char* operation)
      : what_(what), way_(way) {
    take_place(what, way, self, operation);
  }
  ~waiting_place() { leave_place(what_, way_); }
  waiting_place(const waiting_place&) = delete;
  waiting_place& operator=(const waiting_place&) = delete;

 private:
  watch& what_;
  direction way_;
};

/// Asks the hub that watches it to close it. No task, which could be killed.
class closing_letter final : public letter {
 public:
  explicit closing_letter(watch& owned) noexcept : owned_(&owned) {}

  void refuse() noexcept override {
    if (is_home(*owned_)) {  // and about to end
      close_watch(owned_);
    } else {
      // Nobody watches any more; no such number if simulated, by a hub that is gone.
      ::close(owned_->fd);
      let_go(*owned_);
    }
    delete this;
  }

 private:
  void open(scheduler&) noexcept override {
    close_watch(owned_);
    delete this;
  }

  watch* const owned_;
};

/// Not inlined, and its call is its last: nothing of it lies in the frame of one that waits.
[[gnu::noinline]] void park_for_event(record& self) {
  scheduler::find()->park(self, "a descriptor");
}

/// Lets others run once in a while, who may close it and let it go. Not inlined, as that.
[[gnu::noinline]] void share_turn(watch& what, const char* operation) {
  struct hold {
    watch& held;
    ~hold() { let_go(held); }
  } const meanwhile{what};
  ++what.holders;
  scheduler::find()->share_turn();
  if (what.fd < 0) throw_closed_meanwhile(operation);
}

}  // namespace

void let_go(watch& held) noexcept {
  if (--held.holders == 0) delete &held;
}

[[gnu::noinline, gnu::cold]] void throw_closed_meanwhile(const char* operation) {
  throw_system_error(ECANCELED,
                     std::string(operation) + ": closed while this greenlet waited for it");
}

void take_place(watch& what, direction way, record& self, const char* operation) {
  if (what.waiter[way] != nullptr) throw_busy(operation);
  what.waiter[way] = &self;
  ++what.holders;
  ++scheduler::find()->descriptor_waits;
}

/// Not inlined: only values go there, so that a waiting_place need not lie in memory.
[[gnu::noinline]] void leave_place(watch& what, direction way) noexcept {
  what.waiter[way] = nullptr;
  --scheduler::find()->descriptor_waits;
  let_go(what);
}

watch* open_watch(int fd, transport& calls) try {
  scheduler& hub = scheduler::here();
  auto made = std::make_unique<watch>();
  made->home = hub.post_box();
  made->calls = &calls;
  made->fd = fd;
  hub.events().add(*made);
  return made.release();
} catch (...) {
  calls.close(fd);
  throw;
}

std::pair<watch*, watch*> open_watches(const std::array<int, 2>& ends, transport& calls) {
  watch* first;
  try {
    first = open_watch(ends[0], calls);
  } catch (...) {
    calls.close(ends[1]);
    throw;
  }
  try {
    return {first, open_watch(ends[1], calls)};
  } catch (...) {
    close_watch(first);
    throw;
  }
}

network& sockets_here() {
  return scheduler::here().events().connections();
}

int outcome_of_connect(watch& own, network& from, int error) {
  if (error != EINPROGRESS && error != EINTR) return error;
  own.ready[writing] = false;
  wait_until_ready(own, writing, "connect");
  return -from.outcome(own.fd);
}

void close_watch(watch* owned) noexcept {
  scheduler& hub = *scheduler::find();
  if (owned->fd >= 0) {
    hub.events().forget(*owned);
    owned->calls->close(std::exchange(owned->fd, -1));
    for (record* waiter : owned->waiter) {
      if (waiter != nullptr) hub.wake(*waiter);
    }
  }
  let_go(*owned);
}

void abandon_watch(watch* owned) noexcept {
  if (owned == nullptr) return;
  if (is_home(*owned)) {
    close_watch(owned);
    return;
  }
  auto* const asking = new (std::nothrow) closing_letter(*owned);
  if (asking == nullptr) return;  // leaks it: only its own thread can close it while that polls
  const std::shared_ptr<mailbox> home = owned->home;
  if (!home->post(*asking)) asking->refuse();
}

watch& usable(watch* what, const char* operation) {
  if (what == nullptr || what->fd < 0) throw_closed(operation);
  if (!is_home(*what)) throw_not_home(operation);
  return *what;
}

void wait_until_ready(watch& what, direction way, const char* operation) {
  if (what.ready[way]) {
    share_turn(what, operation);
    if (what.ready[way]) return;
  }
  record& self = scheduler::find()->current_record();
  const waiting_place place(what, way, self, operation);
  do {
    park_for_event(self);
    if (what.fd < 0) throw_closed_meanwhile(operation);
  } while (!what.ready[way]);
}

void pause_until(watch& what, direction way, instant deadline, const char* operation) {
  scheduler& hub = *scheduler::find();
  record& self = hub.current_record();
  const waiting_place place(what, way, self, operation);
  while (now() < deadline) {
    hub.park(self, "the system's resources", deadline);
    if (what.fd < 0) throw_closed_meanwhile(operation);
  }
}

std::uint16_t local_port_of(watch* what) {
  const watch& own = usable(what, "local_port");
  socket_address bound{};
  check_result(static_cast<network*>(own.calls)->local_address(own.fd, bound), "local_port");
  return port_of(bound);
}

socket::~socket() {
  abandon_watch(watch_);
}

void socket::close() {
  if (!is_open()) return;
  close_watch(std::exchange(watch_, (usable(watch_, "close"), nullptr)));
}

bool socket::is_open() const noexcept {
  return watch_ != nullptr;
}

int socket::native_handle() const {
  return usable(watch_, "native_handle").fd;
}

void socket::set_option(int level, int option, int value) {
  const watch& own = usable(watch_, "set_option");
  check_result(own.calls->set_option(own.fd, level, option, value), "set_option");
}

int socket::get_option(int level, int option) const {
  const watch& own = usable(watch_, "get_option");
  int value = 0;
  check_result(own.calls->get_option(own.fd, level, option, value), "get_option");
  return value;
}

}  // namespace offshoot::detail
