/// Pipes and FIFOs.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/stream.hpp>

#include <string>
#include <utility>

namespace offshoot {

/// One end of a pipe or FIFO: what goes the wrong way fails with EBADF.
class OFFSHOOT_API pipe : public stream {
 public:
  /// A pipe: the end to receive from, and the end to send to. In a simulation it is simulated, too,
  /// as FIFOs are, and nothing to give to another process; what is adopted is the system's.
  static std::pair<pipe, pipe> make();

  /// Opens a FIFO to receive from. Does not wait for a writer; receiving does. In a simulation any
  /// path is that of a FIFO, which lasts while somebody has it open; none is in the file system.
  static pipe open_to_receive(const std::string& path);
  /// Opens a FIFO to send to. Throws std::system_error, ENXIO if nobody has it open to receive.
  static pipe open_to_send(const std::string& path);
  /// Takes over the end of a pipe, for instance one given to a child process. It is made
  /// non-blocking, for all who have it open. Closed also if this throws.
  static pipe adopt(int descriptor);

 private:
  explicit pipe(detail::watch* owned) noexcept;
};

}  // namespace offshoot
