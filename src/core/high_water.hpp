/// How much of its stack a greenlet has had in use. In guarded mode each has a region of its own,
/// which was zero when it began. In a library built with the option `high_water` a region is swept
/// whenever somebody else comes to run there: what is not zero below was left by the last one.
#pragma once

#include "core/control_block.hpp"
#include "core/stack.hpp"

namespace offshoot::detail {

/// Measures who ran there last, and zeroes what that has left below `sp`. May run on the transfer
/// stack.
void sweep(region& where, stack& next, std::uintptr_t sp) noexcept;

/// `next` is about to run in `where`, from `sp` down: no byte below belongs to anybody any more.
inline void take_over(region& where, stack& next, std::uintptr_t sp) noexcept {
  if constexpr (measures_stacks) {
    if (last_in(where) != &next) sweep(where, next, sp);
  }
}

/// `owner` will not run in `where` again.
inline void forget_last(region& where, const stack& owner) noexcept {
  if constexpr (measures_stacks) {
    if (last_in(where) == &owner) last_in(where) = nullptr;
  }
}

/// Counts from the lowest word that is not zero. 0 if nothing is measured, and for a main greenlet.
std::size_t high_water(control_block& active) noexcept;

}  // namespace offshoot::detail
