/// What everything that the hub watches for its user has in common.
#pragma once

#include <offshoot/export.hpp>

#include <utility>

namespace offshoot::detail {

class readiness_case;
struct watch;

/// A descriptor that the hub watches. Belongs to the thread that made it: elsewhere it can only be
/// moved and destroyed, all else throws `wrong_thread`. Errors are std::system_error; what() names
/// the operation.
class OFFSHOOT_API socket {
 public:
  socket(socket&& other) noexcept : watch_(std::exchange(other.watch_, nullptr)) {}
  socket& operator=(socket&& other) noexcept {
    socket moved(std::move(other));
    std::swap(watch_, moved.watch_);
    return *this;
  }
  /// Closes it.
  ~socket();

  /// Closes it. A greenlet that waits on it gets a std::system_error (ECANCELED) there. No-op if
  /// closed already. Throws `wrong_thread`.
  void close();
  /// Whether it has not been closed or moved from.
  bool is_open() const noexcept;
  /// The descriptor, still owned by this object; of a simulated socket, a number that the system
  /// does not know. Throws if closed.
  int native_handle() const;

  /// An option that is a number or a switch, by the names of setsockopt(2): level and option. Of a
  /// simulated socket options are kept and have no effect.
  void set_option(int level, int option, int value);
  int get_option(int level, int option) const;

 protected:
  explicit socket(watch* owned) noexcept : watch_(owned) {}

  watch* watch_;

 private:
  friend readiness_case;
};

}  // namespace offshoot::detail
