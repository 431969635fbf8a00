#include "core/stack_pool.hpp"

#include <offshoot/errors.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <string>

#include "core/guard.hpp"
#include "core/sanitizers.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t slab_bytes = std::size_t{16} << 20;
constexpr std::size_t keep_touched = 64;  // idle stacks of one size that keep all their memory

}  // namespace

region& stack_pool::take(std::size_t bytes) {
  const unsigned bits =
      std::max(smallest_bits,
               static_cast<unsigned>(std::bit_width((bytes != 0 ? bytes : default_bytes) - 1)));
  if (bits > largest_bits) {
    throw not_startable("offshoot: options::stack_size is larger than any stack; the limit is " +
                        std::to_string(1U << (largest_bits - 30)) + " GiB");
  }
  const std::size_t size_class = bits - smallest_bits;
  shelf& from = shelves_[size_class];
  header* stack = from.idle;
  if (stack != nullptr) {
    from.idle = stack->next;
    --from.idle_count;
  } else {
    stack = &cut(from, size_class);
  }
  ++taken_;
  sanitizers::know(*stack);
  return *stack;
}

stack_pool::header& stack_pool::cut(shelf& from, std::size_t size_class) {
  const std::size_t page = page_size();
  const std::size_t stride = page + (std::size_t{1} << (size_class + smallest_bits)) + page;
  if (from.uncut == from.uncut_end) {
    slabs_.emplace_back(std::max(stride, slab_bytes / stride * stride));
    from.uncut = slabs_.back().low();
    from.uncut_end = slabs_.back().high();
  }
  install_guard(from.uncut);
  const std::uintptr_t low = from.uncut;
  from.uncut += stride;

  auto* stack = new (reinterpret_cast<void*>(from.uncut - sizeof(header))) header;
  stack->low = low + page;
  // Tops at equal distances would fight for the same sets of the caches: spread them, hashed, over
  // half of the page that the header touches anyway.
  const auto colour = static_cast<std::uintptr_t>(cut_++ * 0x9e3779b97f4a7c15U >> 59U) * 64;
  stack->high = (from.uncut - sizeof(header)) / 64 * 64 - colour;
  // What is closed as a whole shares no page with what stays open.
  if (guarding() != guard_mode::off) stack->high = from.uncut - page;
  stack->save_limit = stack->low;
  stack->size_class = size_class;
  return *stack;
}

void stack_pool::put_back(region& stack) noexcept {
  auto& returned = static_cast<header&>(stack);
  sanitizers::forget(returned);
  returned.head = nullptr;
  returned.save_limit = returned.low;
  shelf& to = shelves_[returned.size_class];
  if (to.idle_count >= keep_touched || guarding() != guard_mode::off)
    discard_pages(returned.low, returned.high / page_size() * page_size());
  returned.next = to.idle;
  to.idle = &returned;
  ++to.idle_count;
  --taken_;
}

void stack_pool::open_idle() noexcept {
  for (const shelf& each : shelves_) {
    for (header* stack = each.idle; stack != nullptr; stack = stack->next) open_region(*stack);
  }
}

bool stack_pool::contains(std::uintptr_t address) const noexcept {
  for (const mapping& each : slabs_) {
    if (address >= each.low() && address < each.high()) return true;
  }
  return false;
}

}  // namespace offshoot::detail
