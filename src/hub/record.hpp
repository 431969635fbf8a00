/// What the hub knows of a greenlet. On the heap, since others reach it while its owner waits and
/// the owner's stack may be a slice: it is the wait node and the timer node of its greenlet.
#pragma once

#include <offshoot/detail/extension.hpp>
#include <offshoot/hub/detail/wait_list.hpp>

#include <cstdint>
#include <exception>

#include "hub/timers.hpp"

namespace offshoot::detail {

class task_state;

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

  control_block* const block;
  phase now = phase::running;
  task_state* task = nullptr;  ///< which it runs; owned, until it is done
  greenlet self;               ///< keeps a task alive; empty for all other greenlets
  std::exception_ptr pending;  ///< to be raised in it the next time it waits
};

/// The record that is in a list by this hook.
inline record& as_record(list_hook& hook) noexcept {
  return static_cast<record&>(hook);
}

}  // namespace offshoot::detail
