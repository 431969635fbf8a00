/// What a `select` knows of its cases.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace offshoot::detail {

/// One of the things that a select can wait for. The case itself lies on the waiting greenlet's
/// stack, where only that one looks; what others must reach it keeps on the heap.
class OFFSHOOT_API select_case {
 public:
  select_case() = default;
  select_case(const select_case&) = delete;
  select_case& operator=(const select_case&) = delete;
  virtual ~select_case();

  /// Does it, if that needs no wait.
  virtual bool try_now() = 0;
  /// Has this greenlet woken when it can be done: given it, as case `place`, or just woken, to try.
  /// False: it can be done by now, and no wait has begun.
  virtual bool begin_wait(std::uint32_t place) = 0;
  /// Is told once for each wait that has begun: whether this thread has given it, and whether the
  /// select goes on with what was given or has been ended by an exception. Returns whether it has
  /// been given, by any thread.
  virtual bool end_wait(bool given, bool ended) noexcept = 0;
  /// When the wait shall end in its favour.
  virtual instant deadline() const noexcept { return never; }
  /// Whether it is done if no other can be done at once.
  virtual bool is_default() const noexcept { return false; }
  /// Calls the handler.
  virtual void handle() = 0;
};

/// The number of the case that was done; its handler has not been called.
OFFSHOOT_API std::size_t select_one(std::span<select_case* const> cases);

}  // namespace offshoot::detail
