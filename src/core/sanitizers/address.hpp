/// AddressSanitizer. It keeps a shadow, one byte for eight, that says which bytes of a stack may be
/// touched: what lies between two locals may not. So the shadow of a stack goes where its bytes go.
/// And where it looks for use after return, locals live in a fake stack on the heap, of which each
/// greenlet has its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/stack.hpp"

extern "C" {  // as the sanitizer's headers have them, which not every compiler brings
void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom, std::size_t bytes);
void __sanitizer_finish_switch_fiber(void* fake_stack, const void** bottom, std::size_t* bytes);
void __asan_get_shadow_mapping(std::size_t* scale, std::size_t* offset);
void __asan_unpoison_memory_region(const volatile void* low, std::size_t bytes);
}

namespace offshoot::detail::sanitizers {

struct address_sanitizer {
  [[gnu::always_inline]] static void leave(stack& from, const stack& to) noexcept {
    std::uintptr_t stop = to.stop;
    if (stop == 0) {  // nested and still to start: the switch will give it one, about here
      stop =
          from.leaving ? from.stop : reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    }
    __sanitizer_start_switch_fiber(from.leaving ? nullptr : &notes_of(from).fake_stack,
                                   reinterpret_cast<const void*>(to.where->low),
                                   stop - to.where->low);
  }
  [[gnu::always_inline]] static void arrive(stack& self) noexcept {
    __sanitizer_finish_switch_fiber(notes_of(self).fake_stack, nullptr, nullptr);
  }

  /// The bytes [low, low + bytes) of `owner` to `place` in its slice, with their shadow.
  static void copy_out(stack& owner, std::byte* place, std::uintptr_t low,
                       std::size_t bytes) noexcept {
    const std::uintptr_t first = owner.sp();
    copy(reinterpret_cast<std::uintptr_t>(place), low, bytes);
    copy(shadow_in_slice(owner) + (low / 8 - first / 8), shadow(low), (low + bytes) / 8 - low / 8);
  }
  /// The whole slice back to where it came from.
  static void copy_in(stack& owner) noexcept {
    const std::uintptr_t low = owner.sp();
    const std::size_t bytes = owner.saved.size();
    copy(low, reinterpret_cast<std::uintptr_t>(owner.saved_bytes()), bytes);
    copy(shadow(low), shadow_in_slice(owner), (low + bytes) / 8 - low / 8);
  }
  /// Nobody's locals lie there any more.
  static void vacate(std::uintptr_t low, std::size_t bytes) noexcept {
    __asan_unpoison_memory_region(reinterpret_cast<const void*>(low), bytes);
  }

 private:
  static std::uintptr_t shadow_in_slice(stack& owner) noexcept {
    return reinterpret_cast<std::uintptr_t>(owner.saved.buffer()) + owner.saved.capacity();
  }
  static std::uintptr_t shadow(std::uintptr_t of) noexcept {
    std::size_t scale = 0;
    std::size_t offset = 0;
    __asan_get_shadow_mapping(&scale, &offset);
    return (of >> scale) + offset;
  }
  /// A plain memcpy would be looked at, and found to touch what lies between locals.
  [[gnu::noinline, gnu::no_sanitize_address]] static void copy(std::uintptr_t to,
                                                               std::uintptr_t from,
                                                               std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes; ++i) {
      reinterpret_cast<volatile std::byte*>(to)[i] = reinterpret_cast<const std::byte*>(from)[i];
    }
  }
};

}  // namespace offshoot::detail::sanitizers
