/// Everything that Offshoot throws. Each message says what was wrong and what to do.
#pragma once

#include <offshoot/export.hpp>

#include <new>
#include <stdexcept>
#include <string>

namespace offshoot {

/// Raised in a greenlet that is asked to end: by `throw_in()` without arguments, and when the last
/// handle of a suspended greenlet goes away (semantics S20). Not a `std::exception`, so that an
/// ordinary handler does not swallow it. When it leaves a run function it is not an error: the
/// parent's `switch_to` returns it as a value (S13).
class OFFSHOOT_API greenlet_exit final {};

/// Misuse of a greenlet: an empty handle, a switch from a foreign stack, and what is derived from
/// it. Thrown before anything has changed.
class OFFSHOOT_API greenlet_error : public std::runtime_error {
 public:
  explicit greenlet_error(const std::string& message) : std::runtime_error(message) {}
  greenlet_error(const greenlet_error&) = default;
  greenlet_error& operator=(const greenlet_error&) = default;
  ~greenlet_error() override;
};

/// The target belongs to another thread, or its thread has ended (S24). Post to the owner instead.
class OFFSHOOT_API wrong_thread : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  wrong_thread(const wrong_thread&) = default;
  wrong_thread& operator=(const wrong_thread&) = default;
  ~wrong_thread() override;
};

/// The new parent is the greenlet itself or one of its descendants (S17).
class OFFSHOOT_API parent_cycle : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  parent_cycle(const parent_cycle&) = default;
  parent_cycle& operator=(const parent_cycle&) = default;
  ~parent_cycle() override;
};

/// The greenlet can never run: its run function is null, its stack size cannot be had, or this
/// thread cannot have greenlets.
class OFFSHOOT_API not_startable : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  not_startable(const not_startable&) = default;
  not_startable& operator=(const not_startable&) = default;
  ~not_startable() override;
};

/// What was handed over holds an address inside the giver's own stack, and that stack is copied
/// away while others run. Move the value in, or give the lender `placement::dedicated`.
class OFFSHOOT_API dangling_capture : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  dangling_capture(const dangling_capture&) = default;
  dangling_capture& operator=(const dangling_capture&) = default;
  ~dangling_capture() override;
};

/// A `value` holds another type than the one asked for, or a greenlet was started with arguments
/// that its run function does not take (S3). The message names both types.
class OFFSHOOT_API bad_value : public greenlet_error {
 public:
  using greenlet_error::greenlet_error;
  bad_value(const bad_value&) = default;
  bad_value& operator=(const bad_value&) = default;
  ~bad_value() override;
};

/// No memory, or no more mappings, for a stack: a `std::bad_alloc` that says which. Nothing has
/// changed; the same call succeeds once there is room (S29).
class OFFSHOOT_API out_of_stacks : public std::bad_alloc {
 public:
  explicit out_of_stacks(const char* message) noexcept : message_(message) {}
  out_of_stacks(const out_of_stacks&) = default;
  out_of_stacks& operator=(const out_of_stacks&) = default;
  ~out_of_stacks() override;
  /// A string literal.
  const char* what() const noexcept override { return message_; }

 private:
  const char* message_;
};

}  // namespace offshoot
