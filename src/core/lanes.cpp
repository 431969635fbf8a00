#include "core/lanes.hpp"

#include "core/sanitizers.hpp"

namespace offshoot::detail {

lane_set::lane::lane(std::size_t index, std::uintptr_t transfer_stack)
    : memory(page_size() + lane_bytes) {
  install_guard(memory.low());
  low = memory.low() + page_size();
  // Tops at equal distances would fight for the same sets of the caches: spread them over a page.
  high = memory.high() - index * 5 % 64 * 64;
  save_limit = high;
  shared_top = true;
  plain = !sanitizers::see_copies();
  transfer_top = transfer_stack;
  sanitizers::know(*this);
}

bool lane_set::set_count(std::size_t count) noexcept {
  if (!lanes_.empty()) return false;
  count_ = count;
  return true;
}

region& lane_set::choose(const region* avoided, std::uintptr_t transfer_stack) {
  if (lanes_.empty()) lanes_.reserve(count_);
  region* best = nullptr;
  for (lane& each : lanes_) {
    if (&each != avoided && (best == nullptr || each.users < best->users)) best = &each;
    if (best != nullptr && best->users == 0) return *best;
  }
  if (lanes_.size() < count_) {
    try {
      return lanes_.emplace_back(lanes_.size(), transfer_stack);
    } catch (...) {
      if (lanes_.empty()) throw;  // with one lane we can go on, if slower
    }
  }
  return best != nullptr ? *best : lanes_.front();
}

bool lane_set::contains(std::uintptr_t address) const noexcept {
  for (const lane& each : lanes_) {
    if (address >= each.low && address < each.high) return true;
  }
  return false;
}

bool lane_set::in_use() const noexcept {
  for (const lane& each : lanes_) {
    if (each.users != 0) return true;
  }
  return false;
}

void lane_set::release() noexcept {
  for (const lane& each : lanes_) sanitizers::forget(each);
  lanes_.clear();
  lanes_.shrink_to_fit();
  vacated_ = nullptr;
  count_ = default_count;
}

}  // namespace offshoot::detail
