/// What a runtime above the core may rely on, apart from the public interface: a place at each
/// greenlet for its own record. The hub is built on this; an application can build its own.
#pragma once

#include <offshoot/detail/heads.hpp>
#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <memory>

namespace offshoot::detail {

/// A runtime's record of a greenlet. Owned by the greenlet; destroyed when it has finished or, if
/// it never started, with it, on the thread where that happens.
class OFFSHOOT_API extension {
 public:
  extension() = default;
  extension(const extension&) = delete;
  extension& operator=(const extension&) = delete;
  virtual ~extension();
};

/// The record of `block`, or null.
OFFSHOOT_API extension* extension_of(control_block* block) noexcept;
/// Attaches one to a greenlet that has none, for life.
OFFSHOOT_API void attach(control_block* block, std::unique_ptr<extension> record) noexcept;

/// Makes the calling thread's main greenlet if it has none. Throws std::bad_alloc, `not_startable`.
OFFSHOOT_API void make_main();

/// The control block of the calling thread's current greenlet; makes the main one if need be
/// (throws std::bad_alloc). Not owned by the caller: valid at least until it finishes.
inline control_block* current_block() {
  if (this_thread == nullptr) [[unlikely]]
    make_main();
  return this_thread->current;
}

/// greenlet::id(): never another's, as an address can be once the greenlet has gone.
OFFSHOOT_API std::uint64_t id_of(const control_block* block) noexcept;

/// Has an unstarted child find its parent by way of `lender`, which must last as long as the child
/// has not finished, and which its owner may point elsewhere at any time, without checks.
OFFSHOOT_API void lend_parent(control_block* child, const lent_parent& lender) noexcept;
/// The lender is about to go: the child keeps the parent that it has now, as any other does.
OFFSHOOT_API void keep_parent(control_block* child) noexcept;

}  // namespace offshoot::detail
