/// The tokens in which a run of the model test is written down, one a line, so that a crash loses
/// none. model/program.hpp makes a program of them.
#pragma once

#include <string>
#include <string_view>

#include <unistd.h>

namespace model {

/// A line is `WHO TOKEN`, WHO being the thread's letter and the greenlet's number. Tokens:
///
///     first MESSAGE     what a run function is started with
///     op EXPRESSION     a call that returns a value; do EXPRESSION: one that does not
///     say CODE          a statement that nothing comes of
///     came MESSAGE      the last op or do came back, with this
///     caught MESSAGE    the last op, do or frame threw this; opens a handler
///     throw             rethrows in it
///     frame WORDS       opens a frame; dive COUNT: that many
///     unwinding         opens what the innermost frame's destructor does
///     return MESSAGE    ends the run function; done: the thread's
///     takes_any NAME    this run function is about to be used; or takes_number
///     end               closes what was opened last
inline std::string name_of(unsigned thread, unsigned number) {
  return static_cast<char>('a' + thread) + std::to_string(number);
}

class record {
 public:
  /// To a descriptor that stays the caller's; -1: nowhere.
  explicit record(int descriptor) noexcept : descriptor_(descriptor) {}

  bool wanted() const noexcept { return descriptor_ >= 0; }
  void put(const std::string& who, std::string_view token, const std::string& rest = {}) const {
    if (!wanted()) return;
    std::string line = who + " ";
    line += token;
    if (!rest.empty()) line += " " + rest;
    line += '\n';
    // One call for a line: several threads write here.
    if (write(descriptor_, line.data(), line.size()) < 0) _exit(2);
  }

 private:
  int descriptor_;
};

}  // namespace model
