#include "hub/waits.hpp"

#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/hub/task.hpp>

#include <cstddef>
#include <cstdint>

namespace offshoot::detail {

constexpr std::size_t most_lines = 20;

const control_block* holder_search::find(std::uint64_t id) noexcept {
  if (id != last_) {
    last_ = id;
    found_ = next_active(nullptr);
    while (found_ != nullptr && id_of(found_) != id) found_ = next_active(found_);
  }
  return found_;
}

void append_wait(raw_text& out, const record& waiting, holder_search& holders) noexcept {
  out.append("waits for ").append(waiting.reason);
  if (waiting.reason == waits_for_task) {
    out.append(", '").append(waiting.awaited->name()).append("'");
  } else if (waiting.reason == waits_for_mutex) {
    out.append(", which is with ");
    if (const control_block* const holder = holders.find(*waiting.holder)) {
      write_label(out, *holder);
    } else {
      out.append("greenlet #");
      append_number(out, *waiting.holder);
      out.append(", which has ended");
    }
  }
}

std::string who_waits_for_what() {
  std::string words;
  raw_text out(words);
  holder_search holders;
  std::size_t lines = 0;
  for (control_block* each = next_active(nullptr); each != nullptr; each = next_active(each)) {
    const auto* const found = static_cast<record*>(extension_of(each));
    if (found == nullptr || found->now != record::phase::parked) continue;
    if (++lines > most_lines) continue;
    out.append("\n  ");
    write_origin(out, *each);
    out.append(", ");
    append_wait(out, *found, holders);
  }
  if (lines > most_lines) {
    out.append("\n  and ").append(std::to_string(lines - most_lines)).append(" more");
  }
  out.flush();
  return words;
}

}  // namespace offshoot::detail
