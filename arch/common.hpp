/// What every port would otherwise write again.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/context.hpp"
#include "signature.hpp"

extern "C" {
/// Labels of asm.h.
extern const char offshoot_switch_begin[], offshoot_switch_end[];
extern const char offshoot_fetch_begin[], offshoot_fetch_end[];
extern const char offshoot_start_begin[], offshoot_start_end[];
}

namespace offshoot::detail {

/// Whether the instruction before `ip` is one of those that leave one stack for another.
inline bool in_switch(std::uintptr_t ip) noexcept {
  const auto* const at = reinterpret_cast<const char*>(ip);
  return (at > offshoot_switch_begin && at <= offshoot_switch_end) ||
         (at > offshoot_fetch_begin && at <= offshoot_fetch_end) ||
         (at > offshoot_start_begin && at <= offshoot_start_end);
}

/// Lays a Frame, which is zeros, at the high end of a fresh stack: offshoot_start begins with that.
template <class Frame>
void lay(std::uintptr_t stop, context& fresh) noexcept {
  fresh.sp = stop - frame_bytes<Frame>;
  fresh.ip = reinterpret_cast<std::uintptr_t>(&offshoot_start);
  fresh.kept[0] = 0;  // the frame pointer: zero ends their chain
  if constexpr (!std::is_empty_v<Frame>) *reinterpret_cast<Frame*>(fresh.sp) = Frame{};
}

/// What an unwinder tells of a frame. `kept` are the registers of these numbers, which are DWARF's,
/// the frame pointer first. ip is always that of a caller, behind the instruction that is at work.
inline context unwound(_Unwind_Context* frame, int frame_pointer, int second) noexcept {
  int interrupted = 0;
  context found;
  found.ip = _Unwind_GetIPInfo(frame, &interrupted);
  if (interrupted != 0) ++found.ip;
  found.sp = _Unwind_GetCFA(frame);
  found.kept[0] = _Unwind_GetGR(frame, frame_pointer);
  found.kept[1] = _Unwind_GetGR(frame, second);
  return found;
}

/// The same of what a signal has interrupted, from the words that the kernel has stored.
template <class Word>
interruption interrupted(Word pc, Word sp, Word frame_pointer, Word second,
                         Word link = 0) noexcept {
  interruption found;
  found.at.ip = static_cast<std::uintptr_t>(pc) + 1;
  found.at.sp = static_cast<std::uintptr_t>(sp);
  found.at.kept[0] = static_cast<std::uintptr_t>(frame_pointer);
  found.at.kept[1] = static_cast<std::uintptr_t>(second);
  found.link = static_cast<std::uintptr_t>(link);
  return found;
}

}  // namespace offshoot::detail
