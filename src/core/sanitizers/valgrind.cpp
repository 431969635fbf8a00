/// Valgrind's requests: the only place that needs its header.
#include "core/sanitizers/valgrind.hpp"

#pragma GCC diagnostic ignored "-Wpedantic"  // for Valgrind's macros
#include <valgrind/memcheck.h>

namespace offshoot::detail::valgrind {

namespace {
constexpr std::size_t red_zone = 128;  // of x86-64
}

const bool running = [] { return RUNNING_ON_VALGRIND != 0; }();
const bool checks_memory = [] {
  char byte = 0;
  char valid = 0;
  return VALGRIND_GET_VBITS(&byte, &valid, 1) == 1;  // which no other tool can tell
}();

unsigned know_stack(std::uintptr_t low, std::uintptr_t high) noexcept {
  return VALGRIND_STACK_REGISTER(low, high);
}

void forget_stack(unsigned id) noexcept {
  VALGRIND_STACK_DEREGISTER(id);
}

void open(std::uintptr_t low, std::size_t bytes) noexcept {
  static_cast<void>(VALGRIND_MAKE_MEM_UNDEFINED(low - red_zone, red_zone + bytes));
}

void define(const void* bytes, std::size_t count) noexcept {
  static_cast<void>(VALGRIND_MAKE_MEM_DEFINED(bytes, count));
}

void grow_stack() noexcept {
  [[maybe_unused]] volatile std::byte frames[4096];
  frames[0] = std::byte{0};
}

void close(std::uintptr_t low, std::size_t bytes) noexcept {
  static_cast<void>(VALGRIND_MAKE_MEM_NOACCESS(low, bytes));
}

}  // namespace offshoot::detail::valgrind
