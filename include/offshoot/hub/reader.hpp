/// `reader`: exact and delimited reads from a stream.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/stream.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace offshoot {

/// Keeps what has come and was not asked for yet, in leased buffers; none when all was taken. What
/// an operation has not returned stays in the reader, also when it throws: killed or out of time,
/// it can be asked again and nothing is lost. Refers to the stream, which must outlive it, and
/// through which nobody else may read meanwhile.
class OFFSHOOT_API reader {
 public:
  explicit reader(stream& from) noexcept : from_(&from) {}
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;

  /// Fills `into`, and returns true; false, with nothing taken, if the stream ends before.
  bool read_exactly(std::span<std::byte> into);

  /// Everything up to and with `delimiter`, which must not be empty; nothing if the stream ends
  /// before it. Throws std::system_error (EMSGSIZE) if it is not within the next `limit` bytes.
  std::optional<std::string> read_until(std::string_view delimiter, std::size_t limit = 65536);

  /// What has come, at least one byte, waiting for it if need be; empty at the end of the stream.
  buffer read_some();

  /// Bytes that are kept.
  std::size_t kept() const noexcept { return kept_; }

 private:
  bool receive_more();
  void take(std::span<std::byte> into) noexcept;

  stream* from_;
  std::vector<buffer> buffers_;
  std::size_t taken_ = 0;  ///< of the first buffer
  std::size_t kept_ = 0;
};

}  // namespace offshoot
