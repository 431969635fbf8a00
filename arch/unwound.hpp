/// What an unwinder that knows registers by the numbers of DWARF tells of a frame.
#pragma once

#include <cstdint>

#include "core/context.hpp"

namespace offshoot::detail {

/// `kept` are the registers of these numbers, the frame pointer first. ip is always that of a
/// caller, behind the instruction that is at work.
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

}  // namespace offshoot::detail
