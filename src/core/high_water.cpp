#include "core/high_water.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/mman.h>

#include "core/guard.hpp"
#include "core/mapping.hpp"
#include "core/sanitizers.hpp"

namespace offshoot::detail {
namespace {

/// The lowest page of [low, high) that is mapped, and so all above it are: a thread's own stack may
/// be yet to grow.
std::uintptr_t lowest_mapped(std::uintptr_t low, std::uintptr_t high) noexcept {
  const std::size_t page = page_size();
  unsigned char resident = 0;
  while (low < high) {
    const std::uintptr_t middle = low + (high - low) / 2 / page * page;
    if (mincore(reinterpret_cast<void*>(middle), page, &resident) == 0) {
      high = middle;
    } else {
      low = middle + page;
    }
  }
  return high;
}

/// The lowest word of [low, high) that is not zero; `high` if there is none. What the kernel has no
/// page for was never touched.
OFFSHOOT_NO_MEMORY_SANITIZER std::uintptr_t lowest_in_use(std::uintptr_t low,
                                                          std::uintptr_t high) noexcept {
  const std::size_t page = page_size();
  std::array<unsigned char, 256> resident{};
  for (std::uintptr_t at = round_up(low, page); at < high;) {
    const std::size_t pages = std::min((high - at + page - 1) / page, resident.size());
    if (mincore(reinterpret_cast<void*>(at), pages * page, resident.data()) != 0) {
      const std::uintptr_t mapped = lowest_mapped(at, round_up(high, page));
      if (mapped == at) return at;  // nothing can be asked: as if all were in use
      at = mapped;
      continue;
    }
    for (std::size_t i = 0; i < pages; ++i, at += page) {
      if ((resident[i] & 1U) == 0) continue;
      const auto* words = reinterpret_cast<const volatile std::uintptr_t*>(at);
      for (std::size_t word = 0; word < std::min(page, high - at) / sizeof *words; ++word) {
        if (words[word] != 0) return reinterpret_cast<std::uintptr_t>(&words[word]);
      }
    }
  }
  return high;
}

/// Whole pages go back to the kernel, so that the next look need not go through them.
[[maybe_unused]] void zero(std::uintptr_t low, std::uintptr_t high) noexcept {
  if (low >= high) return;
  const std::uintptr_t first_page = std::min(round_up(low, page_size()), high);
  const std::uintptr_t last_page = std::max(high / page_size() * page_size(), first_page);
  std::memset(reinterpret_cast<void*>(low), 0, first_page - low);
  discard_pages(first_page, last_page);
  std::memset(reinterpret_cast<void*>(last_page), 0, high - last_page);
}

std::size_t depth(const stack& owner, std::uintptr_t lowest) noexcept {
  return lowest < owner.stop ? owner.stop - lowest : 0;
}

/// Of an active greenlet, on a region that was zero below it when it came.
std::size_t measure(const control_block& active) noexcept {
  region& where = *active.where;
  const bool was_closed = where.closed;
  open_region(where);
  if (valgrind::checks_memory) [[unlikely]]
    valgrind::define(reinterpret_cast<void*>(where.low), where.high - where.low);
  const std::size_t bytes = depth(active, lowest_in_use(where.low, where.high));
  if (was_closed) close_region(where);
  return bytes;
}

}  // namespace

void sweep(region& where, stack& next, std::uintptr_t sp) noexcept {
  if constexpr (measures_stacks) {
    if (where.guarded || valgrind::running) return;  // the latter holds all of that to be nobody's
    const int before = errno;
    const std::uintptr_t lowest = lowest_in_use(where.low, where.high);
    if (stack* last = std::exchange(last_in(where), &next); last != nullptr) {
      deepest_of(*last) = std::max(deepest_of(*last), depth(*last, lowest));
    }
    zero(lowest, sp);
    errno = before;
  }
}

std::size_t high_water(control_block& active) noexcept {
  if (active.has(main_greenlet) || active.where == nullptr) return 0;
  if (guarding() != guard_mode::off) return measure(active);
  if constexpr (measures_stacks) {
    const bool still_there = last_in(*active.where) == &active;
    return std::max(deepest_of(active), still_there ? measure(active) : 0);
  }
  return 0;
}

}  // namespace offshoot::detail
