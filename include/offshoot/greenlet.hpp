/// `greenlet`: a handle to a stackful coroutine. The numbers (S1...) are the rules in
/// docs/semantics.md.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/run.hpp>
#include <offshoot/detail/switch.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/export.hpp>
#include <offshoot/placement.hpp>
#include <offshoot/spawn_site.hpp>
#include <offshoot/value.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace offshoot {

struct options;
class greenlet;

namespace detail {

class control_block;

/// A control block whose run function is yet to be put into `callable`.
struct unborn {
  control_block* block;
  void* callable;
};
/// With the usual options if `chosen` is null.
OFFSHOOT_API unborn conceive(const run_operations& operations, const options* chosen,
                             spawn_site site);
OFFSHOOT_API void prefetch(const control_block* soon) noexcept;
OFFSHOOT_API void abandon(control_block* block) noexcept;  ///< it could not be built

OFFSHOOT_API void acquire(control_block* block) noexcept;
OFFSHOOT_API void release(control_block* block) noexcept;
/// Throws `greenlet_error` or `wrong_thread` if this thread cannot switch there. Asked before a
/// payload is made of anything, so that what was to be moved is still where it was (S24).
OFFSHOOT_API void require_ours(control_block* target);
OFFSHOOT_API value switch_with(control_block* target, value&& payload);
template <class... A>
__attribute__((always_inline)) inline value switch_to(control_block* target, A&&... arguments) {
  if constexpr (sizeof...(A) == 0) {
    return switch_empty(target);
  } else {
    require_ours(target);
    return switch_with(target, pack(std::forward<A>(arguments)...));
  }
}
OFFSHOOT_API value throw_in(control_block* target, std::exception_ptr exception);
[[noreturn]] OFFSHOOT_API void throw_null_run();

template <class E>
concept exception_object = !std::same_as<std::remove_cvref_t<E>, std::exception_ptr>;

struct access;

}  // namespace detail

/// A stackful coroutine: a run function, a parent, a state and a stack. This is a handle: copies
/// refer to the same greenlet and share its ownership; a greenlet also owns its parent. Default
/// constructed or moved from, a handle is empty, and every call on it but the ones that say
/// otherwise throws `greenlet_error` (S2).
///
/// A greenlet belongs to the thread that first starts it. Handles may be copied and dropped on any
/// thread, and `dead()`, `name()` and `id()` asked; all else is for the owner (S24).
///
/// Ownership can close a circle that only the end of the thread breaks: a greenlet that is
/// suspended with a handle to itself, or to a descendant, on its own stack keeps itself alive.
class OFFSHOOT_API greenlet {
 public:
  /// An empty handle.
  greenlet() noexcept = default;

  /// A new greenlet, unstarted, that will call `run`: with what the first `switch_to` passes (S3).
  /// `run` may take none, one or several arguments or a `value`, and is destroyed when it has
  /// returned. Throws std::bad_alloc, `dangling_capture` if `run` holds an address of the giver's
  /// own lane, `not_startable` if `run` is null, and what copying `run` throws. With a parent on
  /// another thread in `chosen`, it will run there (S17). `site` is for diagnostics.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, greenlet>) explicit greenlet(
      F&& run, spawn_site site = spawn_site::current());
  template <class F>
  greenlet(F&& run, const options& chosen, spawn_site site = spawn_site::current());

  greenlet(const greenlet& other) noexcept : block_(other.block_) { detail::acquire(block_); }
  greenlet(greenlet&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  greenlet& operator=(greenlet other) noexcept {
    swap(other);
    return *this;
  }
  /// The last handle of an unstarted or finished greenlet runs none of its code (S19). That of a
  /// suspended one raises `greenlet_exit` in it, and returns when it has finished (S20); on a
  /// thread that does not own it, that happens at the owner's next switch (S22).
  ~greenlet() {
    if (block_ != nullptr) detail::release(block_);
  }

  void swap(greenlet& other) noexcept { std::swap(block_, other.block_); }
  /// Empties this handle, as its destructor would.
  void reset() noexcept { greenlet().swap(*this); }
  /// Whether the handle is not empty. Never throws.
  explicit operator bool() const noexcept { return block_ != nullptr; }
  /// Whether both refer to the same greenlet, or both are empty. Never throws.
  friend bool operator==(const greenlet&, const greenlet&) noexcept = default;

  /// Leaves the current greenlet for this one: starts it with these arguments, or makes its pending
  /// `switch_to` return them (S3, S4). Returns when somebody switches back, with what they passed,
  /// or throws what they threw in. A dead greenlet stands for its nearest live ancestor (S9).
  /// Throws, with nothing changed: `wrong_thread`; `bad_value` if a run function does not take
  /// these arguments; `dangling_capture` if they hold an address of the caller's own lane;
  /// std::bad_alloc; `greenlet_error` from a stack that is not the current
  /// greenlet's, such as the alternate stack of a signal handler (S31).
  template <class... A>
  __attribute__((always_inline)) value switch_to(A&&... arguments) const {
    return detail::switch_to(block_, std::forward<A>(arguments)...);
  }

  /// Raises an exception in this greenlet where it is suspended (S15), and returns as `switch_to`
  /// does. An unstarted greenlet is finished by it without having run.
  value throw_in(std::exception_ptr exception) const {
    return detail::throw_in(block_, std::move(exception));
  }
  template <detail::exception_object E>
  value throw_in(E&& exception) const {
    detail::require_ours(block_);
    return detail::throw_in(block_, std::make_exception_ptr(std::forward<E>(exception)));
  }
  value throw_in() const { return throw_in(greenlet_exit{}); }

  /// The greenlet that runs on this thread now. Made on first use: that of a thread which has none
  /// yet is its main greenlet. Throws std::bad_alloc only then.
  static greenlet current();
  /// The one that stands for this thread's own stack. It has no parent and is never dead while its
  /// thread lives.
  static greenlet main();

  /// Who receives the result; empty for a main greenlet. Of a temporary handle, lets go of it
  /// first: a handle to oneself that waits on one's own stack would keep one alive for ever.
  greenlet parent() const&;
  greenlet parent() &&;
  /// Throws, with nothing changed: `parent_cycle`, `wrong_thread` (a started greenlet needs a
  /// parent on its own thread), `greenlet_error` for a main greenlet, the body of a generator or
  /// coroutine, and one that is being destroyed (S17).
  void set_parent(const greenlet& parent) const;

  /// Whether it has been started, be it active or finished (S1).
  bool started() const;
  /// Whether it runs or is suspended.
  bool active() const;
  /// Whether it has finished, or its thread has ended. May be asked on any thread.
  bool dead() const;
  /// As given in `options`. Valid while the greenlet exists.
  std::string_view name() const;
  /// Unique in the process, never 0 and never used again.
  std::uint64_t id() const;
  placement where() const;
  /// Where in the source it was made. A main greenlet was made nowhere.
  spawn_site spawned_at() const;
  /// Bytes of its stack that lie in its slice now: 0 while it runs, is in place or has finished
  /// (S34).
  std::size_t stack_saved_bytes() const;
  /// Bytes of its stack that were in use at most, so far or, finished, ever. Measured in guarded
  /// mode (guard.hpp) and by a library built for it (docs/debugging.md), else 0, as for a main
  /// greenlet. For the thread that owns it; takes microseconds.
  std::size_t stack_high_water() const;

 private:
  friend detail::access;
  explicit greenlet(detail::control_block* adopted) noexcept : block_(adopted) {}

  detail::control_block* block_ = nullptr;
};

template <>
inline constexpr bool is_relocatable<greenlet> = true;

/// A hint that this thread will soon switch to that greenlet: brings what the switch will need
/// nearer to the processor. Who knows the order of some hundred thousand visits, and prefetches
/// whom it will visit four to eight switches later, waits for memory far less. Changes nothing, and
/// may be given any handle, an empty one included.
inline void prefetch(const greenlet& soon) noexcept;

/// What can be chosen when a greenlet is made, apart from its run function.
struct options {
  /// Who receives the result. Empty: the current greenlet (S17).
  greenlet parent{};
  placement where = placement::lane;
  /// For diagnostics; copied, up to 4096 bytes of it. Need not be unique.
  std::string_view name{};
  /// Bytes of stack for `placement::dedicated`, rounded up to a size class; 0: 256 KiB. The other
  /// placements run on stacks that are already there and ignore it.
  std::size_t stack_size = 0;
  /// Keep rounding mode and floating-point exception masks apart from all other greenlets' (S27).
  /// It begins with those of its first starter. Makes each of its switches slower.
  bool own_fp_environment = false;
};

namespace detail {

/// How the rest of the library makes handles of control blocks and the reverse.
struct access {
  static control_block* block(const greenlet& handle) noexcept { return handle.block_; }
  /// Takes over a reference that the caller holds.
  static greenlet adopt(control_block* block) noexcept { return greenlet(block); }
  static greenlet share(control_block* block) noexcept {
    acquire(block);
    return greenlet(block);
  }
};

/// Throws `not_startable` if `run` is a null pointer or an empty std::function.
template <class F>
void refuse_null_run(const F& run) {
  if constexpr (!std::is_empty_v<F> && !std::is_function_v<F> && requires { run == nullptr; }) {
    if (run == nullptr) throw_null_run();
  }
}

/// Puts a run function into a new control block, and looks at it where it rests.
template <class F>
control_block* make_greenlet(F&& run, const options* chosen, spawn_site site) {
  using stored = std::decay_t<F>;
  static_assert(std::is_nothrow_destructible_v<stored>,
                "a run function's destructor must not throw");
  refuse_null_run(run);
  const unborn made = conceive(run_operations_of<stored>, chosen, site);
  try {
    make_looked_at<stored>(made.callable, "a run function captures", std::forward<F>(run));
  } catch (...) {
    abandon(made.block);
    throw;
  }
  return made.block;
}

}  // namespace detail

inline void prefetch(const greenlet& soon) noexcept {
  detail::prefetch(detail::access::block(soon));
}

template <class F>
requires(!std::is_same_v<std::remove_cvref_t<F>, greenlet>) greenlet::greenlet(F&& run,
                                                                               spawn_site site)
    : block_(detail::make_greenlet(std::forward<F>(run), nullptr, site)) {}

template <class F>
greenlet::greenlet(F&& run, const options& chosen, spawn_site site)
    : block_(detail::make_greenlet(std::forward<F>(run), &chosen, site)) {}

}  // namespace offshoot
