/// What the hub knows of a greenlet. On the heap, since others reach it while its owner waits and
/// the owner's stack may be a slice: it is the wait node and the timer node of its greenlet.
#pragma once

#include <offshoot/detail/extension.hpp>
#include <offshoot/hub/detail/contest.hpp>
#include <offshoot/hub/detail/wait_list.hpp>
#include <offshoot/hub/greenlet_local.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

#include "hub/timers.hpp"

namespace offshoot {

class mutex;

namespace detail {

class task_state;
class timeout_scope;

/// Attached to each greenlet that waits in the hub, for life.
struct record : extension, list_hook, timer_node {
  explicit record(control_block* owner) noexcept : block(owner) {}
  ~record() override;

  enum class phase : std::uint8_t {
    unstarted,  ///< a task in the ready queue that has never run
    running,    ///< or suspended in a way that is none of the hub's business
    parked,     ///< waits to be woken; may be in the wait_list of what it waits for
    ready,      ///< in the ready queue
  };

  phase now = phase::running;  ///< first: there is room for three bytes at the end of `timer_node`
  bool timed_out = false;      ///< its wait was ended by its timer
  bool given = false;          ///< it has what it waited for: who gives says so before waking it
  control_block* const block;
  bool deserted = false;       ///< what it waited for is gone
  bool notified : 1 = false;   ///< by the condition it waited for
  bool exclusive : 1 = false;  ///< while it waits for a shared_mutex: to write
  /// How many around it forbid that a kill or a time-out ends its waits.
  std::uint8_t shields = 0;
  contest rivals;                ///< of those who would serve its select
  std::uint32_t chosen = 0;      ///< given one of several things: which
  const char* reason = nullptr;  ///< of its last wait, as in "waits for a mutex"
  union {
    const task_state* awaited = nullptr;  ///< while it joins one
    const std::uint64_t* holder;          ///< while it waits for a mutex: the id of who has it
    mutex* to_lock;                       ///< while it waits for a condition
  };
  timeout_scope* innermost = nullptr;  ///< looked at by its own greenlet only
  /// Which it runs; owned until it is done, and so is a reference to `block`.
  task_state* task = nullptr;
  /// Destroys what its greenlet_local objects hold.
  void drop_locals() noexcept {
    while (locals != nullptr) locals = std::move(locals->next);
  }

  std::unique_ptr<local_value> locals;
  std::exception_ptr pending;  ///< to be raised in it the next time it waits
};
// Each greenlet that waits has one, in a block of the heap of 112.
static_assert(sizeof(void*) != 8 || sizeof(record) == 104);

/// The reasons of those who wait for a mutex, or to join: then `holder`, or `awaited`, counts.
inline constexpr char waits_for_mutex[] = "a mutex";
inline constexpr char waits_for_task[] = "the end of a task";

/// The record that is in a list by this hook.
inline record& as_record(list_hook& hook) noexcept {
  return static_cast<record&>(hook);
}

}  // namespace detail
}  // namespace offshoot
