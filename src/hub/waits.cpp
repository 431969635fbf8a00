#include "hub/waits.hpp"

#include <offshoot/trace.hpp>

#include <cstddef>

#include "hub/record.hpp"
#include "hub/scheduler.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t most_lines = 20;

std::string label(const greenlet& which) {
  std::string words = which == greenlet::main() ? "the main greenlet" : "greenlet";
  if (!which.name().empty()) words.append(" '").append(which.name()).append("'");
  words.append(" #").append(std::to_string(which.id()));
  if (const spawn_site site = which.spawned_at(); site.line != 0) {
    words.append(" (").append(site.file).append(":");
    words.append(std::to_string(site.line)).append(")");
  }
  return words;
}

std::string wait_of(const record& waiting) {
  std::string words = waiting.reason;
  if (waiting.reason == waits_for_task) {
    words.append(", '").append(waiting.awaited->name()).append("'");
  } else if (waiting.reason == waits_for_mutex && *waiting.holder != nullptr) {
    words.append(", which is with ").append(label(access::share(*waiting.holder)));
  }
  return words;
}

}  // namespace

std::string who_waits_for_what() {
  std::string words;
  std::size_t lines = 0;
  for_each_greenlet([&](const greenlet& each) {
    const auto* const found = static_cast<record*>(extension_of(access::block(each)));
    if (found == nullptr || found->now != record::phase::parked) return;
    if (++lines > most_lines) return;
    words.append("\n  ").append(label(each)).append(" waits for ").append(wait_of(*found));
  });
  if (lines > most_lines) {
    words.append("\n  and ").append(std::to_string(lines - most_lines)).append(" more");
  }
  return words;
}

}  // namespace offshoot::detail
