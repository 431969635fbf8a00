/// ThreadSanitizer. It keeps a stack of calls for each thread, and one for each greenlet if it is
/// told which of them runs. That one thread's greenlets run one after another it knows by itself.
/// It has room for some eight thousand of them at a time.
#pragma once

#include "core/stack.hpp"

extern "C" {  // as the sanitizer's header has them, which not every compiler brings
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}

namespace offshoot::detail::sanitizers {

struct thread_sanitizer {
  [[gnu::always_inline]] static void leave(stack& from, stack& to) noexcept {
    notes_of(from).fiber =
        __tsan_get_current_fiber();  // a thread's own stack has one from the first
    if (notes_of(to).fiber == nullptr) notes_of(to).fiber = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(notes_of(to).fiber, 0);
  }
  [[gnu::always_inline]] static void stay(stack& self) noexcept {
    __tsan_switch_to_fiber(notes_of(self).fiber, 0);
  }
  static void forget(stack& owner) noexcept {
    void* const fiber = notes_of(owner).fiber;
    notes_of(owner).fiber = nullptr;
    if (fiber != nullptr && fiber != __tsan_get_current_fiber()) __tsan_destroy_fiber(fiber);
  }
};

}  // namespace offshoot::detail::sanitizers
