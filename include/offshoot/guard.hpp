/// Guarded mode: finds whoever reads or writes the stack of a suspended greenlet, where it happens.
#pragma once

#include <offshoot/export.hpp>

#include <cstdint>
#include <string>

namespace offshoot {

/// Which greenlets get a region of their own, which nobody can access while they are suspended.
enum class guard_mode : std::uint8_t {
  off,
  copied,  ///< those whose stacks are copied otherwise: lane and nested. OFFSHOOT_GUARD=1
  all,     ///< dedicated ones too, whose locals may rightly be lent. OFFSHOOT_GUARD=all
};

/// Chooses the mode for the whole process. To be called before anything else of the library; unless
/// it is, the environment variable OFFSHOOT_GUARD says. Throws `greenlet_error` once a thread has
/// greenlets, if that would change anything.
///
/// What greenlets do is the same in every mode, except that nothing is ever copied, so that
/// `stack_saved_bytes()` stays 0. A switch costs two system calls, a suspended greenlet at least a
/// page of memory and two mappings, of which the kernel allows some 65 000; so 28 000 stacks are
/// closed at a time, and when there are more, that is said once. A stray access ends the process
/// with SIGSEGV, after a report on standard error; a stray system call fails with EFAULT, see
/// `describe_address`.
OFFSHOOT_API void set_guard_mode(guard_mode mode);

/// The mode that is in force. Any thread.
OFFSHOOT_API guard_mode guarding() noexcept;

/// Says on whose stack `address` lies, as in "the stack of greenlet 'reader' #7 (lane), spawned at
/// server.cpp:12, which is suspended": for a message when a system call has failed with EFAULT.
/// Knows the started greenlets of the calling thread that have a stack of their own, so in guarded
/// mode all, and is empty for any other address.
OFFSHOOT_API std::string describe_address(const void* address);

/// Has a stack overflow reported on standard error: which greenlet, how large its stack is and
/// where it was spawned. Then the fault goes on to the handler of SIGSEGV that was there before,
/// which by default ends the process. Faults of any other kind go there at once. Guarded mode
/// includes this; otherwise nothing of it is there unless asked for.
///
/// A handler of SIGSEGV that is installed later replaces this one. It runs on an alternate signal
/// stack, which each thread gets with its first greenlet, or with the first that it starts after
/// this call, unless it has one already. Idempotent; any thread. Throws `out_of_stacks`.
OFFSHOOT_API void install_overflow_diagnostic();

}  // namespace offshoot
