#include "core/guard.hpp"

#include <offshoot/errors.hpp>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <sys/mman.h>

#include "core/drop.hpp"
#include "core/lanes.hpp"
#include "core/mapping.hpp"
#include "core/thread_registry.hpp"

namespace offshoot {
namespace detail {
namespace {

constexpr int undecided = -1;
std::atomic<int> mode{undecided};

/// A closed stack costs two mappings, of which a process has 65 530 by default. Some are left to
/// the program: without any, there would be no new stacks either.
constexpr int most_closed = 28'000;
std::atomic<int> closed{0};  // in the whole process

guard_mode from_environment() noexcept {
  const char* set = std::getenv("OFFSHOOT_GUARD");
  const std::string_view wish = set != nullptr ? set : "";
  if (wish.empty() || wish == "0") return guard_mode::off;
  return wish == "all" ? guard_mode::all : guard_mode::copied;
}

bool protect(const region& where, int protection) noexcept {
  const int before = errno;
  const bool done =
      mprotect(reinterpret_cast<void*>(where.low), where.high - where.low, protection) == 0;
  errno = before;
  return done;
}

}  // namespace

bool is_guarded(placement where) noexcept {
  const guard_mode now = guarding();
  return now == guard_mode::all || (now == guard_mode::copied && where != placement::dedicated);
}

std::size_t guarded_stack_bytes(placement where) noexcept {
  constexpr std::size_t usual_thread_stack = std::size_t{8} << 20;
  return where == placement::lane ? lane_set::lane_bytes : usual_thread_stack;
}

void close_region(region& where) noexcept {
  if (closed.fetch_add(1, std::memory_order_relaxed) < most_closed && protect(where, PROT_NONE)) {
    where.closed = true;
    return;
  }
  closed.fetch_sub(1, std::memory_order_relaxed);
  static std::atomic<bool> told{false};
  if (!told.exchange(true)) {
    std::fputs(
        "offshoot: guarded mode: so many greenlets are suspended that the kernel's mappings would "
        "run out; not all of their stacks are closed from now on\n",
        stderr);
  }
}

void open_region(region& where) noexcept {
  if (!where.closed) return;
  // Closing has split mappings and this joins them again, so that it needs none.
  if (!protect(where, PROT_READ | PROT_WRITE)) fatal("a guarded stack cannot be opened again");
  where.closed = false;
  closed.fetch_sub(1, std::memory_order_relaxed);
}

int closed_regions() noexcept {
  return closed.load(std::memory_order_relaxed);
}

}  // namespace detail

void set_guard_mode(guard_mode wanted) {
  if (detail::registry::first() != nullptr && wanted != guarding()) {
    throw greenlet_error(
        "offshoot: the guard mode must be set before any thread has greenlets; set it first thing "
        "in main, or by the environment variable OFFSHOOT_GUARD");
  }
  detail::mode.store(static_cast<int>(wanted));
}

guard_mode guarding() noexcept {
  int now = detail::mode.load(std::memory_order_relaxed);
  if (now == detail::undecided) {
    const int found = static_cast<int>(detail::from_environment());
    if (detail::mode.compare_exchange_strong(now, found)) now = found;
  }
  return static_cast<guard_mode>(now);
}

}  // namespace offshoot
