/// What is said of a greenlet that holds its thread. A signal handler writes it there; what is for
/// another thread it puts down in a file in memory, since it cannot make a string.
#pragma once

#include <offshoot/hub/descriptor.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/monitor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace offshoot::detail {

/// Of the calling thread's current greenlet, in a handler that has got `context`.
void write_report(int fd, instant held, const void* context) noexcept;

/// One report on its way from a handler to a thread.
class captured_report {
 public:
  /// Throws std::system_error.
  captured_report();

  /// As write_report(). Not before what was put down last has been taken.
  void put(instant held, const void* context) noexcept;
  /// None if there is none. Throws std::bad_alloc; then it is still there.
  std::optional<blocking_report> take();

 private:
  descriptor file_;  ///< the name, and right behind it the text
  std::uint64_t id_ = 0;
  std::size_t name_length_ = 0;
  spawn_site site_{"", 0};
  instant held_ = 0;
  std::atomic<bool> full_{false};
};

}  // namespace offshoot::detail
