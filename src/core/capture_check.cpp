#include <offshoot/detail/capture_check.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/on_lane.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/thread_state.hpp"

namespace offshoot {
namespace detail {
namespace {

/// A word in [object, object + size) that is an address in the current greenlet's stack, if others
/// may ever have its bytes moved away; null if there is none.
const void* find_own_address(const void* object, std::size_t size) noexcept {
  const thread_state* here = thread_state::here();
  if (here == nullptr) return nullptr;
  const control_block& giver = *here->current;
  if (giver.has(main_greenlet) || giver.chosen_placement == placement::dedicated) return nullptr;

  const auto* bytes = static_cast<const std::byte*>(object);
  for (std::size_t at = 0; at + sizeof(std::uintptr_t) <= size; at += sizeof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, bytes + at, sizeof word);
    if (word >= giver.where->low && word < giver.stop) return reinterpret_cast<const void*>(word);
  }
  return nullptr;
}

}  // namespace

void refuse_own_addresses(const void* object, std::size_t size, const char* what) {
  if (find_own_address(object, size) == nullptr) return;
  throw dangling_capture(
      "offshoot: " + std::string(what) + " an address in the stack of " +
      thread_state::here()->current->label() +
      ", which is copied away while others run. Move the value in, or make the lender a greenlet "
      "with options{.where = placement::dedicated}");
}

void warn_of_own_addresses([[maybe_unused]] const void* object,
                           [[maybe_unused]] std::size_t size) noexcept {
#ifndef NDEBUG
  if (const void* address = find_own_address(object, size)) {
    std::fprintf(
        stderr,
        "offshoot: warning: a run function seems to capture %p, an address in a stack that "
        "is copied away while others run\n",
        address);
  }
#endif
}

}  // namespace detail

bool on_lane(const void* address) noexcept {
  const detail::thread_state* here = detail::thread_state::here();
  return here != nullptr && here->lanes.contains(reinterpret_cast<std::uintptr_t>(address));
}

void set_lane_count(std::size_t count) {
  if (count == 0 || count > detail::lane_set::largest_count) {
    throw greenlet_error("offshoot: a thread can have 1 to 1024 lanes");
  }
  if (!detail::thread_state::get().lanes.set_count(count)) {
    throw greenlet_error(
        "offshoot: set the number of lanes before the thread's first lane greenlet");
  }
}

}  // namespace offshoot
