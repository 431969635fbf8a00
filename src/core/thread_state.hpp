/// What a thread knows of its greenlets.
#pragma once

#include <offshoot/trace.hpp>
#include <offshoot/value.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

#include <sys/types.h>

#include "core/block_pool.hpp"
#include "core/control_block.hpp"
#include "core/exception_state.hpp"
#include "core/fault.hpp"
#include "core/lanes.hpp"
#include "core/mapping.hpp"
#include "core/stack_pool.hpp"

namespace offshoot::detail {

/// What a switch carries. Between two greenlets it lies in thread_state::transfer: outside every
/// stack, since the sender's may be gone when the receiver looks (S5).
struct delivery {
  value payload;
  std::exception_ptr error;  ///< if set, it is raised and there is no payload
};

/// What whoever arrives from a switch has to look after; nothing in most cases.
enum arrival : unsigned {
  delivered = 1,  ///< thread_state::transfer holds something
  traced = 2,
  chores = 4,  ///< a corpse to bury, an orphan to release, what was discarded
};

/// One for each thread that has greenlets. Never freed, only used again by a later thread, so that
/// a late look at a greenlet's owner is harmless.
struct thread_state : thread_head {
  unsigned arrivals = 0;
  delivery transfer;

  // Left behind by the departing greenlet for the arriving one.
  control_block* corpse = nullptr;     ///< has finished; its stack may go now
  control_block* released = nullptr;   ///< was an orphan and has suspended
  control_block* discarded = nullptr;  ///< have finished without having run; chained by link
  control_block* departed = nullptr;   ///< whom the tracer names as `from`
  trace_event event = trace_event::switched;

  control_block* main = nullptr;
  control_block* live = nullptr;  ///< all that are active, the main one excepted
  region own_stack;
  lane_set lanes;
  stack_pool pool;
  block_pool blocks;
  mapping transfer_stack;
  unsigned transfer_stack_id = 0;    ///< Valgrind's
  signal_stack handler_stack;        ///< if faults are reported
  fp_environment environment;        ///< the thread's, while a greenlet with one of its own runs
  fp_environment first_environment;  ///< what the greenlet that is about to start begins with
  /// Bytes that a new greenlet's slice gets in its own allocation: about what the last ones needed.
  std::size_t typical_slice = 0;
  std::size_t largest_recent_slice = 0;
  std::size_t last_missing_slice = 0;  ///< for which there was no room
  unsigned slices_since_look = 0;
  copy_counts copies;

  std::shared_ptr<tracer> trace;
  bool tracing_now = false;
  bool guarded = false;  ///< guarded mode is on: every switch takes the slow path

  static constexpr std::uint64_t id_block = 64;
  std::uint64_t last_id = 0;  ///< ids are taken by the block
  /// Control blocks made here less those destroyed here. Only this thread writes.
  std::atomic<std::ptrdiff_t> blocks_alive{0};

  /// Whether their pages are more than the processor's tables of addresses reach.
  bool has_many_blocks() const noexcept {
    constexpr std::ptrdiff_t many = 16'384;  // 8 MiB of them, or 2 048 pages
    return blocks_alive.load(std::memory_order_relaxed) >= many;
  }

  // Guarded by the registry's lock.
  control_block* queue = nullptr;  ///< dropped elsewhere, to be released here
  thread_state* next = nullptr;
  bool ended = true;
  bool abandoned = false;  ///< its thread did not come along into this forked child
  pid_t tid = 0;
  std::uint32_t serial = 0;  ///< unique among all threads that ever were

  // In `attention`, beside the `slow_marks` of the current greenlet.
  static constexpr unsigned traced_bit = 0x100;
  static constexpr unsigned called_bit = 0x200;   ///< something is in `queue`
  static constexpr unsigned watched_bit = 0x800;  ///< a sanitizer has to see each switch
  static constexpr unsigned guarded_bit = 0x400;  ///< each switch closes a stack and opens one

  /// The calling thread's, or null if it has none.
  static thread_state* here() noexcept;
  /// The calling thread's, made if need be. Throws std::bad_alloc, `not_startable`.
  static thread_state& get();
  static thread_state& make_for_this_thread();  ///< there is none yet

  void look_at_current() noexcept {
    const unsigned wanted = (current->marks & slow_marks) |
                            (trace && !tracing_now ? traced_bit : 0U) |
                            (guarded ? guarded_bit : 0U) | (sanitizers::present ? watched_bit : 0U);
    const unsigned found = attention.load(std::memory_order_relaxed) & ~called_bit;
    if (found != wanted) attention.fetch_xor(found ^ wanted, std::memory_order_relaxed);
  }
  /// Whether the id after the last one is this thread's.
  bool has_id() const noexcept { return last_id % id_block != 0; }
  bool called() const noexcept {
    return (attention.load(std::memory_order_relaxed) & called_bit) != 0;
  }
  /// Whose region `address` lies in, among this thread's active greenlets with one of their own;
  /// null if in none.
  control_block* owner_of(std::uintptr_t address) const noexcept;
  /// Learns from how much of a greenlet that has finished was at stake when it last suspended.
  void note_slice(std::size_t bytes) noexcept {
    if (bytes > largest_recent_slice) largest_recent_slice = bytes;
    ++slices_since_look;
  }
  void look_at_slices() noexcept;  ///< learns, if enough have finished since the last time
  /// Learns from a slice for which the room in the greenlet's allocation was too small: one alone
  /// may be like no other, but what two in a row have needed the next ones will need.
  void note_larger_slice(std::size_t bytes) noexcept;
};

inline thread_state& thread_state::get() {
  if (this_thread == nullptr) [[unlikely]]
    return make_for_this_thread();
  return *here();
}

/// The thread whose greenlet this is, while it is active; null otherwise.
inline thread_state* thread_of(const control_block& block) noexcept {
  const std::uintptr_t key = block.owner_key.load(std::memory_order_acquire);
  if (key == control_block::nobody) return nullptr;
  return static_cast<thread_state*>(reinterpret_cast<thread_head*>(key));
}

inline thread_state* thread_state::here() noexcept {
  return static_cast<thread_state*>(this_thread);
}

/// Asks the system again where the thread's own stack lies: it may have been allowed to grow.
void locate_own_stack(region& own);

}  // namespace offshoot::detail
