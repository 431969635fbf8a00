/// The switch by Boost.Context's jump_fcontext, for CPUs that have no file of their own here. Only
/// what differs from x86_64-sysv.S is explained.
///
/// Where a greenlet waits, Boost tells whoever arrives elsewhere, and not the one that leaves. So
/// it is the one that arrives who notes it: `context::sp` is that fcontext_t. `context::ip` is
/// where the switch was called from, and nothing jumps there; offshoot_start and offshoot_fetch are
/// only names for one that has not run, and for one whose bytes are not in place.
///
/// A jump keeps the floating-point environment on some CPUs, for each that waits; it belongs to the
/// thread (S27), so it is taken along.
#include "boost.hpp"

#include <utility>

namespace offshoot::detail {
namespace {

using namespace boost::context::detail;

/// Of this thread's jump that is under way. Not on a stack: bytes of all that wait may move.
struct jump {
  context* to;
  context* from;
  passage with;
  bool keeps;  ///< `from` goes on one day, where `from_ip` says
  std::uintptr_t from_ip;
  fp_environment environment;
};
thread_local jump under_way;

/// What offshoot_switch and a jump lay down at most. The bounds are looked at before it is known
/// how deep that will be.
constexpr std::uintptr_t laid_down = 1024;

/// Where a greenlet has come from is known where it arrives.
void note(const transfer_t& came) noexcept {
  jump& made = under_way;
  if (std::exchange(made.keeps, false)) {
    made.from->sp = reinterpret_cast<std::uintptr_t>(came.fctx);
    made.from->ip = made.from_ip;
  }
}

void fetch_by_jump(transfer_t came) noexcept;

/// Leaves for whom `under_way` names.
transfer_t go() noexcept {
  const context& to = *under_way.to;
  auto* where = reinterpret_cast<void*>(to.sp);
  if (to.ip == reinterpret_cast<std::uintptr_t>(&offshoot_fetch)) {
    constexpr std::size_t at_least = 4096;
    where = make_fcontext(where, at_least, &fetch_by_jump);
  }
  return jump_fcontext(where, nullptr);
}

/// On the transfer stack.
void fetch_by_jump(transfer_t came) noexcept {
  note(came);
  offshoot_move(under_way.to, under_way.from);
  go();
}

}  // namespace

void begin_by_jump(transfer_t came) noexcept {
  note(came);
  load(under_way.environment);
  const offshoot_departure last = offshoot_enter();
  jump& made = under_way;
  made.to = last.to;
  made.from = last.from;
  made.with = last.from != nullptr ? passage::laden : passage::quiet;
  made.keeps = false;
  store(made.environment);
  go();
}

}  // namespace offshoot::detail

extern "C" {

void offshoot_start() {
  __builtin_trap();
}
void offshoot_fetch() {
  __builtin_trap();
}

/// An unwinder cannot be told of registers: it finds nothing.
void offshoot_unwind(const offshoot::detail::context* /*from*/, _Unwind_Trace_Fn /*visit*/,
                     void* /*with*/) {}

[[gnu::noinline]] offshoot::detail::passage offshoot_switch(offshoot::detail::context* to,
                                                            offshoot::detail::context* from,
                                                            offshoot::detail::passage with) {
  using namespace offshoot::detail;
  const auto lowest = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - laid_down;
  if (lowest - from->floor >= from->extent) {
    from->sp = lowest;
    return passage::refused;
  }
  if (to == from) return with;
  jump& made = under_way;
  made.to = to;
  made.from = from;
  made.with = with;
  made.keeps = true;
  made.from_ip = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  store(made.environment);
  note(go());
  load(under_way.environment);
  return under_way.with;
}
}
