/// The two words and a few by which greenlets switch: the beginnings of what there is of a greenlet
/// and of a thread, which are compiled into every caller of a switch.
#pragma once

#include <offshoot/export.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace offshoot::detail {

class control_block;

/// What a switch reads and writes of a greenlet. The assembly knows these offsets.
struct context {
  /// Where it goes on, and with which stack pointer. If its bytes have to be brought into place
  /// first, that is offshoot_fetch, on the thread's transfer stack.
  std::uintptr_t sp = 0;
  std::uintptr_t ip = 0;
  /// What an inline switch keeps because a compiler cannot be asked to: the frame pointer, and the
  /// register that may stand for it where a frame has no fixed size. What a fresh greenlet begins
  /// with.
  std::uintptr_t kept[2] = {0, 0};
  /// A switch that leaves this greenlet is refused unless floor <= sp < floor + extent.
  std::uintptr_t floor = 0;
  std::uintptr_t extent = 0;
};
static_assert(offsetof(context, sp) == 0);
static_assert(offsetof(context, ip) == sizeof(void*));
static_assert(offsetof(context, kept) == 2 * sizeof(void*));
static_assert(offsetof(context, floor) == 4 * sizeof(void*));
static_assert(offsetof(context, extent) == 5 * sizeof(void*));

/// What comes of a switch.
enum class passage : unsigned {
  quiet = 0,    ///< somebody has switched back, and nothing has come with it
  laden = 1,    ///< somebody has switched back: there is something to look at
  refused = 2,  ///< not made: from's stack pointer is out of its bounds. Nothing has changed
};

struct thread_head;

/// What control_head::owner_key is of that thread's greenlets.
inline std::uintptr_t key_of(const thread_head* thread) noexcept {
  return reinterpret_cast<std::uintptr_t>(thread);
}

/// Whoever waits for the answer of a coroutine's or generator's body is the parent of that body
/// meanwhile; in between it is the main greenlet. So the parent changes with every answer, without
/// a look at the body.
struct lent_parent {
  /// Who waits: the address of a control block. Else odd, or the address of `thread`.
  std::uintptr_t state;
  const thread_head* thread;  ///< on which all of them are
  control_block* main;        ///< of that thread; not owned

  control_block* now() const noexcept {
    const bool waits = (state & 1) == 0 && state != key_of(thread);
    return waits ? reinterpret_cast<control_block*>(state) : main;
  }
};

/// The beginning of every control block.
struct control_head {
  context registers;
  /// The address of the thread_head whose greenlet this is, while it is active. Only that thread
  /// writes; it may switch here by registers alone.
  std::atomic<std::uintptr_t> owner_key{nobody};

  union {
    control_block* parent = nullptr;  ///< owned; to be asked for by parent_now()
    const lent_parent* lender;        ///< if marked `borrows_parent`
  };
  /// Of the thread it belongs to: where it started or, unstarted, will start.
  std::uint32_t serial = 0;
  std::uint8_t marks = 0;  ///< what is odd about it: see core/control_block.hpp

  /// No thread_head has this address, and neither has a thread without one, which is null.
  static constexpr std::uintptr_t nobody = 2;
  static constexpr std::uint8_t borrows_parent = 16;

  control_block* parent_now() const noexcept {
    return (marks & borrows_parent) == 0 ? parent : lender->now();
  }
};

/// `__cxa_eh_globals` of the Itanium C++ ABI (Exception Handling, 2.2.2), which the runtime's
/// header leaves opaque: the stack of caught exceptions and the number of uncaught ones. Per thread
/// there; Offshoot makes it per greenlet (S26): whoever leaves keeps its own and leaves zeros.
struct exception_state {
  void* caught = nullptr;
  unsigned uncaught = 0;
#ifdef __ARM_EABI__
  void* propagating = nullptr;  ///< a third word (EHABI): exceptions that destructors interrupt
#endif

  bool idle() const noexcept {
    return (reinterpret_cast<std::uintptr_t>(caught) | uncaught) == 0;
  }
};

/// The beginning of what a thread knows of its greenlets.
struct thread_head {
  control_block* current = nullptr;
  exception_state* exceptions = nullptr;
  /// Why the fast path is closed; other threads set a bit of it too.
  std::atomic<unsigned> attention{0};

  /// Whether the current greenlet can be left with nothing to be looked at or swapped.
  bool quiet() const noexcept {
    return attention.load(std::memory_order_relaxed) == 0 && exceptions->idle();
  }
};

/// The calling thread's, or null if it has none. A greenlet never changes threads, so a compiler
/// may keep its address across a switch.
extern OFFSHOOT_API thread_local constinit thread_head* this_thread
    __attribute__((tls_model("initial-exec")));

inline control_head& head_of(control_block* block) noexcept {
  return *reinterpret_cast<control_head*>(block);
}

/// Whether this thread may switch to `target`, which may be null, by registers alone.
inline bool may_pass(const thread_head* here, control_block* target) noexcept {
  return target != nullptr &&
         head_of(target).owner_key.load(std::memory_order_relaxed) == key_of(here) && here->quiet();
}

}  // namespace offshoot::detail
