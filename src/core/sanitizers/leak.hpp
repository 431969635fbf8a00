/// LeakSanitizer. It follows pointers from globals and from the stack that each thread runs on, and
/// so gets to the slices, which lie on the heap. What of a suspended stack is in place it would not
/// see: that is made a root, and no more than that, since stale bytes would hide leaks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/thread_state.hpp"

extern "C" {  // as the sanitizer's header has them, which not every compiler brings
void __lsan_register_root_region(const void* low, std::size_t bytes);
void __lsan_unregister_root_region(const void* low, std::size_t bytes);
}

namespace offshoot::detail::sanitizers {

struct leak_sanitizer {
  static void leave(stack& from, stack& to) noexcept { notes_of(to).departed = &from; }

  static void arrive(stack& self) noexcept {
    stack& departed = *notes_of(self).departed;
    if (!departed.leaving) moved(departed);
    // Where the current greenlet's stack pointer is, this one knows from AddressSanitizer or where
    // it is on the thread's own stack. Elsewhere it has to be content with all of that stack.
    const bool seen = with_address || self.where == &thread_state::here()->own_stack;
    set_root(self, seen ? self.stop : self.where->low, self.stop);
  }

  /// Some bytes of a suspended stack have come or gone.
  static void moved(stack& owner) noexcept { set_root(owner, owner.lowest_in_place(), owner.stop); }

  /// The slice is back in place: a stale copy of a pointer in it would hide a leak.
  static void wipe(stack& owner) noexcept {
    std::memset(owner.saved_bytes(), 0, owner.saved.size());
  }

  static void forget(stack& owner) noexcept { set_root(owner, owner.stop, owner.stop); }

 private:
  static void set_root(stack& owner, std::uintptr_t low, std::uintptr_t high) noexcept {
    notes& known = notes_of(owner);
    if (known.root_low != known.root_high) {
      __lsan_unregister_root_region(reinterpret_cast<const void*>(known.root_low),
                                    known.root_high - known.root_low);
    }
    if (low != high) __lsan_register_root_region(reinterpret_cast<const void*>(low), high - low);
    known.root_low = low;
    known.root_high = high;
  }
};

}  // namespace offshoot::detail::sanitizers
