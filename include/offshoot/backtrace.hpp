/// Back traces with functions, files and lines, for people to read: the library offshoot-trace.
/// (For a handler of a fatal signal: write_backtraces in trace.hpp.)
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace offshoot {

/// A function in which a greenlet stands. Functions that the compiler has inlined are frames too,
/// if there is debug information.
struct stack_frame {
  std::uintptr_t address = 0;  ///< inside the instruction that is at work
  std::string function;        ///< demangled; empty if not known
  std::string file;            ///< empty without debug information
  std::uint32_t line = 0;      ///< 0 without debug information
  std::string object;          ///< the executable or shared library; empty if not known
  bool inlined = false;        ///< into the frame that follows
};

/// Where a greenlet stands and who it is, in words that outlive it: it holds no handle.
struct stack_trace {
  std::uint64_t id = 0;
  std::string origin;                  ///< "greenlet 'reader' #7 (lane), spawned at server.cpp:12"
  std::string state;                   ///< "unstarted", "running", "suspended" or "finished"
  std::size_t saved_bytes = 0;         ///< as stack_saved_bytes() (S34)
  std::vector<std::uint64_t> parents;  ///< ids: its parent, that one's parent and so on
  std::vector<stack_frame> frames;     ///< innermost first; none unless it runs or is suspended
};

/// Of any greenlet that the calling thread owns, and of unstarted and finished ones. That of the
/// current one begins at the caller. Takes milliseconds: it reads debug information from disk.
/// Throws `greenlet_error` for an empty handle, `wrong_thread`, std::bad_alloc. Without debug
/// information, or if it cannot be read, what is not known stays empty.
OFFSHOOT_API stack_trace backtrace(const greenlet& which);

/// Of all active greenlets of this thread, the main one included: each after its parent.
OFFSHOOT_API std::vector<stack_trace> backtrace_all();

/// A line about the greenlet, and one for each frame.
OFFSHOOT_API std::ostream& operator<<(std::ostream& out, const stack_trace& trace);

/// A forest: each greenlet is indented below its parent.
OFFSHOOT_API std::ostream& operator<<(std::ostream& out, const std::vector<stack_trace>& traces);

}  // namespace offshoot
