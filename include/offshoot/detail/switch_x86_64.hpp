/// The switch for x86-64, System V ABI, compiled into whoever calls it: the compiler spills what is
/// alive at that place and no more, nothing is pushed, and the processor's return predictor is left
/// alone. Included by switch.hpp only. It meets greenlets that wait in offshoot_switch, and they
/// it: arch/x86_64-sysv.S draws the pictures.
///
/// What makes it sound, whatever the compiler chooses:
/// - It never pushes, and whoever calls it calls other functions too, so there is no red zone to
///   spoil or to lose.
/// - Every register is declared to be spoilt, but for the two that a compiler may be unable to do
///   without: rbp, and rbx, by which it may address a frame of variable size. They are kept here.
///   Those of AVX-512 a function may have by an attribute, in a file that is compiled without; g++
///   does not let them be named there (docs/safety.md).
/// - While the stack pointer is on its way, the unwind information describes to's frames by way of
///   rdi, which holds.
#pragma once

#include <offshoot/detail/heads.hpp>

namespace offshoot::detail {

/// Makes `to` current and leaves for it, who gets `With`. If refused, `to` is as it was; if not, it
/// is anything.
template <passage With>
__attribute__((always_inline)) inline passage leave_for(thread_head& here,
                                                        control_block*& to) noexcept {
  control_block* from = here.current;
  thread_head* thread = &here;
  unsigned came;
  // rdi = to, rsi = from, rdx = here. At the jump: rdi = to, rsi = from, eax = With, rcx = where
  // from will go on; also what is expected at the label, but for rcx.
  asm inline volatile(
      "mov %%rsp, %%rcx\n\t"
      "mov %%rsp, (%%rsi)\n\t"    // refused, it is what tells how much was wanted
      "sub 32(%%rsi), %%rcx\n\t"  // floor
      "cmp 40(%%rsi), %%rcx\n\t"  // extent
      "jae 2f\n\t"
      "mov %[with], %%eax\n\t"
      "mov %%rdi, (%%rdx)\n\t"  // current
      "lea 1f(%%rip), %%rcx\n\t"
      "mov %%rcx, 8(%%rsi)\n\t"  // all stored before any is loaded: from and to may be the same
      "mov %%rbp, 16(%%rsi)\n\t"
      "mov %%rbx, 24(%%rsi)\n\t"
      "mov (%%rdi), %%rsp\n\t"
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
      ".cfi_remember_state\n\t"
      ".cfi_escape 0x0f, 3, 0x75, 0, 0x06\n\t"  // DW_CFA_def_cfa_expression: *(rdi)
      ".cfi_escape 0x10, 16, 2, 0x75, 8\n\t"    // DW_CFA_expression: rip at 8(rdi)
      ".cfi_escape 0x10, 6, 2, 0x75, 16\n\t"    // rbp
      ".cfi_escape 0x10, 3, 2, 0x75, 24\n\t"    // rbx
      ".cfi_undefined %%r12\n\t"                // whoever waits has no use for them
      ".cfi_undefined %%r13\n\t"
      ".cfi_undefined %%r14\n\t"
      ".cfi_undefined %%r15\n\t"
#endif
      "mov 16(%%rdi), %%rbp\n\t"
      "mov 24(%%rdi), %%rbx\n\t"
      "notrack jmp *8(%%rdi)\n\t"  // where it leads there is no endbr64
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
      ".cfi_restore_state\n\t"
#endif
      "2: mov %[refused], %%eax\n"  // an unwinder looks up the byte before a return address
      "1:"
      : "+D"(to), "+S"(from), "+d"(thread), "=&a"(came)
      : [with] "i"(static_cast<unsigned>(With)), [refused] "i"(
                                                     static_cast<unsigned>(passage::refused))
      : "cc", "memory", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
#ifdef __APX_F__
        "r16", "r17", "r18", "r19", "r20", "r21", "r22", "r23", "r24", "r25", "r26", "r27", "r28",
        "r29", "r30", "r31",
#endif
#if defined(__AVX512F__) || defined(__clang__)
        "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",
        "k6", "k7",
#endif
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)",
        "st(5)", "st(6)", "st(7)");
  return static_cast<passage>(came);
}

}  // namespace offshoot::detail
