/// Whose addresses must not be handed over, and what becomes of who tries.
#include <offshoot/detail/capture_check.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/on_lane.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/describe.hpp"
#include "core/sanitizers.hpp"
#include "core/thread_state.hpp"

namespace offshoot {
namespace detail {
namespace {

constexpr std::size_t word_size = sizeof(std::uintptr_t);

/// Whoever wrote it, and if anybody did.
OFFSHOOT_NO_MEMORY_SANITIZER bool word_in(const address_range& own,
                                          const std::byte* place) noexcept {
  std::uintptr_t word = 0;
  std::memcpy(&word, place, sizeof word);
  if (valgrind::checks_memory) [[unlikely]]
    valgrind::define(&word, sizeof word);
  return own.contains(word);
}

}  // namespace

address_range own_copied_stack() noexcept {
  const thread_state* here = thread_state::here();
  if (here == nullptr) return {};
  const control_block& giver = *here->current;
  if (giver.has(main_greenlet) || giver.chosen_placement == placement::dedicated) return {};
  return {giver.where->low, giver.stop};
}

bool any_word_in(const address_range& own, const void* object, std::size_t size) noexcept {
  const auto* const bytes = static_cast<const std::byte*>(object);
  for (std::size_t at = 0; at + word_size <= size; at += word_size) {
    if (word_in(own, bytes + at)) return true;
  }
  return false;
}

finding judge_words(const void* object, const void* content, std::size_t size,
                    const opaque_type& type, const address_range& own) noexcept {
  const auto* const bytes = static_cast<const std::byte*>(object);
  const auto* const mask = static_cast<const std::byte*>(content);
  const auto content_bytes = [mask](std::size_t at) {
    return std::count(mask + at, mask + at + word_size, std::byte{0xff});
  };
  bool padded = false;
  bool tag_follows = false;  // as the one of an optional or variant does its storage
  bool found = false;
  bool certain = false;
  for (std::size_t end = size; end >= word_size; end -= word_size) {
    const std::size_t at = end - word_size;
    const auto count = content_bytes(at);
    if (count == std::ptrdiff_t{word_size}) {
      if (!word_in(own, bytes + at)) continue;
      found = true;
      certain = certain || type.plain || !tag_follows;
    } else {
      padded = true;
      const bool tag = count <= 2 && mask[at] == std::byte{0xff};
      tag_follows = tag_follows || (tag && !(type.own_tail && end == size));
    }
  }
  if (!found) return finding::nothing;
  if (!padded && type.partial_without_padding) return finding::doubtful;
  return certain ? finding::lent : finding::doubtful;
}

void throw_dangling(const char* what) {
  std::string message = "offshoot: " + std::string(what) + " an address in the stack of ";
  append_origin(message, *thread_state::here()->current);
  message +=
      ", which is copied away while others run. Move the value in, or make the lender a greenlet "
      "with options{.where = placement::dedicated}";
  throw dangling_capture(message);
}

void warn_of_dangling([[maybe_unused]] const char* what) noexcept {
#ifndef NDEBUG
  std::fprintf(
      stderr,
      "offshoot: warning: it seems that %s an address in a stack that is copied away while "
      "others run\n",
      what);
#endif
}

}  // namespace detail

bool on_lane(const void* address) noexcept {
  const detail::thread_state* here = detail::thread_state::here();
  if (here == nullptr) return false;
  const auto where = reinterpret_cast<std::uintptr_t>(address);
  if (!here->guarded) return here->lanes.contains(where);
  const detail::control_block* owner = here->owner_of(where);
  return owner != nullptr && owner->chosen_placement == placement::lane;
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
