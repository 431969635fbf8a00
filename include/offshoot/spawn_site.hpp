/// Where in the source a greenlet was made.
#pragma once

#include <cstdint>

namespace offshoot {

/// A place in the source: what std::source_location is, which not every supported compiler has, in
/// less room. To be left to its default wherever a function takes one.
struct spawn_site {
  const char* file;    ///< as the compiler was given it; lives as long as the code
  std::uint32_t line;  ///< 0: not known. Of a call over several lines, g++ takes the last

  // No default and not an aggregate, so that {} always means `options`.
  constexpr spawn_site(const char* in_file, std::uint32_t at_line) noexcept
      : file(in_file), line(at_line) {}

  /// The place of the call, or of the call whose default argument this is.
  static constexpr spawn_site current(const char* file = __builtin_FILE(),
                                      std::uint32_t line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

}  // namespace offshoot
