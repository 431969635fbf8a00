/// All of it but the installation runs in a signal handler, in a process that is about to die. It
/// reads what threads know of their greenlets without a lock: this thread's own is at rest, that of
/// others may change under our eyes, which at worst ends the report by a second fault.
#include "core/fault.hpp"

#include <offshoot/detail/raw_text.hpp>
#include <offshoot/guard.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>

#include <signal.h>
#include <unistd.h>

#include "core/append_frames.hpp"
#include "core/describe.hpp"
#include "core/thread_registry.hpp"
#include "core/thread_state.hpp"
#include "core/unwind.hpp"

namespace offshoot {
namespace detail {
namespace {

struct sigaction former {};  // what handled the signal until then

struct verdict {
  enum : std::uint8_t {
    nothing_of_ours,
    overflow,
    suspended,
    unused,  ///< among our stacks, but no live greenlet's
  } what;
  control_block* owner;  ///< null if there is none
};

/// Whether `address` is in the guard page of the current greenlet's stack.
bool is_overflow(const thread_state* here, std::uintptr_t address) noexcept {
  if (here == nullptr || here->current == nullptr) return false;
  const std::uintptr_t low = here->current->where->low;
  return address < low && low - address <= page_size();
}

verdict judge(std::uintptr_t address) noexcept {
  const thread_state* here = thread_state::here();
  if (is_overflow(here, address)) return {verdict::overflow, here->current};
  for (const thread_state* each = registry::first(); each != nullptr; each = each->next) {
    if (!each->guarded || each->ended) continue;
    control_block* owner = each->owner_of(address);
    if (owner != nullptr && owner->where->closed) return {verdict::suspended, owner};
    if (owner == nullptr && each->pool.contains(address)) return {verdict::unused, nullptr};
  }
  return {verdict::nothing_of_ours, nullptr};
}

/// Where a suspended greenlet stands.
void print_trace_of(control_block& suspended) noexcept {
  raw_text out(STDERR_FILENO);
  out.append("  which waits at:\n");
  append_frames(out, suspended);
}

/// Where the fault was.
void print_trace_of_here(const void* machine) noexcept {
  raw_text out(STDERR_FILENO);
  append_frames(out, registers_of(*static_cast<const ucontext_t*>(machine)));
}

void print_overflow(const control_block& culprit, std::uintptr_t address,
                    const void* machine) noexcept {
  raw_text out(STDERR_FILENO);
  out.append("offshoot: stack overflow: ");
  append_origin(out, culprit);
  out.append(", has used up its stack of ");
  append_number(out, culprit.where->high - culprit.where->low);
  out.append(" bytes; the access to 0x");
  append_number(out, address, 16);
  out.append(" has hit its end\n");
  if (!culprit.has(main_greenlet)) {
    out.append("  a larger one: options{.where = placement::dedicated, .stack_size = ...}\n");
  }
  out.append("  at:\n");
  out.flush();
  print_trace_of_here(machine);
}

void print_stray_access(const verdict& found, std::uintptr_t address,
                        const void* machine) noexcept {
  raw_text out(STDERR_FILENO);
  out.append("offshoot: stray ");
  out.append(access_of_fault(machine));
  out.append(" at 0x");
  append_number(out, address, 16);
  if (found.what == verdict::unused) {
    out.append(", in the stack of a greenlet that has finished, or a guard page\n");
  } else {
    out.append(", in the stack of ");
    append_origin(out, *found.owner);
    out.append(", which is suspended\n");
  }
  const thread_state* here = thread_state::here();
  out.append("  by ");
  if (here != nullptr && here->current != nullptr) {
    append_origin(out, *here->current);
  } else {
    out.append("a thread without greenlets, number ");
    append_number(out, static_cast<std::uintptr_t>(gettid()));
  }
  out.append(", at:\n");
  out.flush();
  print_trace_of_here(machine);
  if (found.what == verdict::suspended) print_trace_of(*found.owner);
}

void report(siginfo_t* fault, const void* machine) noexcept {
  const auto address = reinterpret_cast<std::uintptr_t>(fault->si_addr);
  const verdict found = judge(address);
  if (found.what == verdict::overflow) {
    print_overflow(*found.owner, address, machine);
  } else if (found.what != verdict::nothing_of_ours) {
    print_stray_access(found, address, machine);
  }
}

/// To whoever handled the signal before us.
void pass_on(int number, siginfo_t* fault, void* machine) noexcept {
  const bool sent = fault->si_code <= 0;  // by kill() or the like: it does not happen again
  if ((former.sa_flags & SA_SIGINFO) != 0) {
    former.sa_sigaction(number, fault, machine);
  } else if (former.sa_handler == SIG_IGN && sent) {
    return;
  } else if (former.sa_handler == SIG_IGN || former.sa_handler == SIG_DFL) {
    signal(number, SIG_DFL);
    if (sent) raise(number);  // delivered when we return; a fault happens again then
  } else {
    former.sa_handler(number);
  }
}

void on_fault(int number, siginfo_t* fault, void* machine) {
  const int error = errno;
  if (fault->si_code > 0) report(fault, machine);
  pass_on(number, fault, machine);
  errno = error;
}

}  // namespace

void signal_stack::install() {
  if (settled_) return;
  stack_t present{};
  if (sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) != 0) {
    constexpr std::size_t for_us = std::size_t{64} << 10;
    const long of_the_kernel = sysconf(_SC_MINSIGSTKSZ);
    const std::size_t bytes =
        round_up(for_us + static_cast<std::size_t>(of_the_kernel), page_size());
    mapping made(page_size() + bytes);
    install_guard(made.low());
    stack_t wanted{};
    wanted.ss_sp = reinterpret_cast<void*>(made.low() + page_size());
    wanted.ss_size = bytes;
    if (sigaltstack(&wanted, nullptr) == 0) memory_ = std::move(made);
  }
  settled_ = true;
}

void signal_stack::remove() noexcept {
  stack_t present{};
  if (sigaltstack(nullptr, &present) == 0 &&
      reinterpret_cast<std::uintptr_t>(present.ss_sp) == memory_.low() + page_size()) {
    present.ss_flags = SS_DISABLE;
    sigaltstack(&present, nullptr);
  }
  memory_ = mapping();
  settled_ = false;
}

std::atomic<bool> faults_are_reported{false};

void report_faults() noexcept {
  if (faults_are_reported.exchange(true)) return;
  std::uintptr_t frame = 0;  // the first look of all makes ready what a handler must not
  unwind(frame_of_caller(__builtin_return_address(0)), &frame, 1);
  sigaction(SIGSEGV, nullptr, &former);
  struct sigaction ours {};
  ours.sa_sigaction = &on_fault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  sigaction(SIGSEGV, &ours, nullptr);
}

}  // namespace detail

void install_overflow_diagnostic() {
  detail::report_faults();
  detail::thread_state::get().handler_stack.install();
}

std::string describe_address(const void* address) {
  const detail::thread_state* here = detail::thread_state::here();
  const auto where = reinterpret_cast<std::uintptr_t>(address);
  const detail::control_block* owner = here != nullptr ? here->owner_of(where) : nullptr;
  if (owner == nullptr) return {};
  std::string text = "the stack of ";
  detail::append_origin(text, *owner);
  return text.append(owner == here->current ? ", which runs" : ", which is suspended");
}

}  // namespace offshoot
