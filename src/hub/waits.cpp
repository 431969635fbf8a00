#include "hub/waits.hpp"

#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/hub/task.hpp>

#include <cstddef>

namespace offshoot::detail {

constexpr std::size_t most_lines = 20;

void append_wait(raw_text& out, const record& waiting) noexcept {
  out.append("waits for ").append(waiting.reason);
  if (waiting.reason == waits_for_task) {
    out.append(", '").append(waiting.awaited->name()).append("'");
  } else if (waiting.reason == waits_for_mutex && *waiting.holder != nullptr) {
    out.append(", which is with ");
    write_label(out, **waiting.holder);
  }
}

std::string who_waits_for_what() {
  std::string words;
  raw_text out(words);
  std::size_t lines = 0;
  for (control_block* each = next_active(nullptr); each != nullptr; each = next_active(each)) {
    const auto* const found = static_cast<record*>(extension_of(each));
    if (found == nullptr || found->now != record::phase::parked) continue;
    if (++lines > most_lines) continue;
    out.append("\n  ");
    write_origin(out, *each);
    out.append(", ");
    append_wait(out, *found);
  }
  if (lines > most_lines) {
    out.append("\n  and ").append(std::to_string(lines - most_lines)).append(" more");
  }
  out.flush();
  return words;
}

}  // namespace offshoot::detail
