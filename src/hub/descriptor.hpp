/// The exception for a failed system call.
#pragma once

#include <offshoot/hub/descriptor.hpp>

#include <cerrno>
#include <string>
#include <system_error>

namespace offshoot::detail {

/// Throws std::system_error: "offshoot: `what`: ..." with the text of `error`. Not inlined, like
/// all that throws: it would enlarge the frames of those that wait.
[[noreturn, gnu::noinline, gnu::cold]] inline void throw_system_error(int error,
                                                                      const std::string& what) {
  throw std::system_error(error, std::generic_category(), "offshoot: " + what);
}

/// `result` of a system call, or std::system_error with errno if it is negative.
inline int check_call(int result, const char* what) {
  if (result < 0) throw_system_error(errno, what);
  return result;
}

/// The same for a call that returns -errno.
inline int check_result(int result, const char* what) {
  if (result < 0) throw_system_error(-result, what);
  return result;
}

}  // namespace offshoot::detail
