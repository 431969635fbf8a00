/// Back traces for handlers of fatal signals: no allocation, no stdio, no lock of ours.
#include <offshoot/detail/raw_trace.hpp>
#include <offshoot/trace.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include <dlfcn.h>

#include "core/append_frames.hpp"
#include "core/circle.hpp"
#include "core/describe.hpp"
#include "core/thread_state.hpp"
#include "core/unwind.hpp"

#include OFFSHOOT_ARCH_HEADER

namespace offshoot {
namespace detail {
namespace {

constexpr std::size_t most_frames = 128;

void append_hexadecimal(raw_text& out, std::uintptr_t number) noexcept {
  out.append("0x");
  append_number(out, number, 16);
}

/// "function+0x12 object+0x1234", as far as it is known.
void append_place(raw_text& out, std::uintptr_t address) noexcept {
  Dl_info known{};
  if (dladdr(reinterpret_cast<const void*>(address), &known) == 0) {
    append_hexadecimal(out, address);
    return;
  }
  if (known.dli_sname != nullptr) {
    out.append(known.dli_sname).append("+");
    append_hexadecimal(out, address - reinterpret_cast<std::uintptr_t>(known.dli_saddr));
    out.append(" ");
  }
  out.append(known.dli_fname).append("+");
  append_hexadecimal(out, address - reinterpret_cast<std::uintptr_t>(known.dli_fbase));
}

void append_spaces(raw_text& out, unsigned count) noexcept {
  for (; count != 0; --count) out.append(" ");
}

void append_places(raw_text& out, const std::array<std::uintptr_t, most_frames>& addresses,
                   std::size_t count, unsigned indent) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    append_spaces(out, indent);
    out.append("#");
    append_number(out, i);
    out.append(" ");
    append_place(out, addresses[i]);
    out.append("\n");
    out.flush();  // looking at the next may fault
  }
  if (count < addresses.size()) return;
  append_spaces(out, indent);
  out.append("...\n");
}

void append_heading(raw_text& out, const control_block& block) noexcept {
  append_origin(out, block);
  circle<const control_block*> way;
  std::string_view before = ", parents: ";
  for (const control_block* each = block.parent_now(); each != nullptr && !way.closed_at(each);
       each = each->parent_now()) {
    out.append(std::exchange(before, ", "));
    append_label(out, *each);
  }
  out.append("\n");
  out.flush();
}

/// Where a signal has struck or, if `interrupted` is null, that of the caller that goes on at
/// `returns_to`.
interruption standpoint(const void* interrupted, const void* returns_to) noexcept {
  return interrupted != nullptr ? registers_of(*static_cast<const ucontext_t*>(interrupted))
                                : interruption{frame_of_caller(returns_to)};
}

void append_suspended(raw_text& out, control_block& block) noexcept {
  append_heading(out, block);
  append_frames(out, block);
}

}  // namespace

void append_frames(raw_text& out, control_block& suspended, unsigned indent) noexcept {
  std::array<std::uintptr_t, most_frames> addresses;
  append_places(out, addresses, unwind_suspended(suspended, addresses.data(), addresses.size()),
                indent);
}

void append_frames(raw_text& out, const interruption& from, unsigned indent) noexcept {
  std::array<std::uintptr_t, most_frames> addresses;
  append_places(out, addresses, unwind(from, addresses.data(), addresses.size()), indent);
}

/// A switch makes the one to come current first. Until the stack pointer is on its stack, that is
/// another one, or the transfer stack; or the same where both have a place, and then the one to
/// come is displaced, as one that runs never is. Then it is there, but some registers are still to
/// follow: in the assembly, or in an inline switch, where a register leads to it.
bool at_rest(const void* interrupted) noexcept {
  const thread_state* const here = thread_state::here();
  if (here == nullptr) return true;
  const interruption struck = registers_of(*static_cast<const ucontext_t*>(interrupted));
  const std::uintptr_t sp = struck.at.sp;
  if (sp == 0) return true;  // not known; then no more than a frame of anybody is looked at
  const control_block& current = *here->current;
  if (current.displaced() || sp < current.where->low || sp >= current.stop) return false;
  if (struck.target == reinterpret_cast<std::uintptr_t>(&current) && sp == current.registers.sp) {
    return false;
  }
  return !in_switch(struck.at.ip);
}

control_block* next_active(const control_block* before) noexcept {
  const thread_state* const here = thread_state::here();
  if (here == nullptr) return nullptr;
  if (before == nullptr) return here->main;
  return before == here->main ? here->live : before->next_live;
}

identity identity_of(const control_block& which) noexcept {
  return {which.id, which.name(), which.spawned_at()};
}

void write_label(raw_text& out, const control_block& which) noexcept {
  append_label(out, which);
}

void write_origin(raw_text& out, const control_block& which) noexcept {
  append_origin(out, which);
}

void write_frames(raw_text& out, control_block& which, const void* interrupted,
                  const void* returns_to, unsigned indent) noexcept {
  if (&which == thread_state::here()->current) {
    append_frames(out, standpoint(interrupted, returns_to), indent);
  } else {
    append_frames(out, which, indent);
  }
}

void make_signal_stack() {
  thread_state::get().handler_stack.install();
}

}  // namespace detail

[[gnu::noinline]] void write_backtraces(int fd, const void* interrupted) noexcept {
  using namespace detail;
  const int error = errno;
  raw_text out(fd);
  thread_state* const here = thread_state::here();
  if (here != nullptr) {
    append_heading(out, *here->current);
  } else {
    out.append("a thread without greenlets\n");
  }
  append_frames(out, standpoint(interrupted, __builtin_return_address(0)));
  if (here != nullptr) {
    if (here->current != here->main) append_suspended(out, *here->main);
    for (control_block* each = here->live; each != nullptr; each = each->next_live) {
      if (each != here->current) append_suspended(out, *each);
    }
  }
  out.flush();
  errno = error;
}

}  // namespace offshoot
