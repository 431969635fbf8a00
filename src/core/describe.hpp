/// How messages speak of greenlets. `Text` has append(std::string_view): a std::string, or what a
/// signal handler may use, raw_text.
#pragma once

#include <offshoot/detail/raw_text.hpp>

#include <array>
#include <string_view>

#include "core/control_block.hpp"

namespace offshoot::detail {

/// "greenlet 'name' #7"
template <class Text>
void append_label(Text& text, const control_block& block) {
  text.append(std::string_view(block.has(main_greenlet) ? "main greenlet" : "greenlet"));
  if (!block.name().empty()) {
    text.append(std::string_view(" '"));
    text.append(block.name());
    text.append(std::string_view("'"));
  }
  text.append(std::string_view(" #"));
  append_number(text, block.id);
}

/// "greenlet 'name' #7 (lane), spawned at file.cpp:12"
template <class Text>
void append_origin(Text& text, const control_block& block) {
  append_label(text, block);
  if (block.has(main_greenlet)) return;
  constexpr std::array<std::string_view, 3> placements{" (lane)", " (dedicated)", " (nested)"};
  text.append(placements[static_cast<std::size_t>(block.chosen_placement)]);
  if (block.spawn_line == 0) return;
  text.append(std::string_view(", spawned at "));
  text.append(std::string_view(block.spawn_file));
  text.append(std::string_view(":"));
  append_number(text, block.spawn_line);
}

}  // namespace offshoot::detail
