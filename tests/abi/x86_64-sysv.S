/* Calls a function with every callee-saved register set to a value of its own, and tells which of
 * them came back changed. See registers.cpp. */
#include "asm.h"

.macro push_kept register
	push	\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
.endm

.macro pop_kept register
	pop	\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
.endm

/* Sets \bit in eax unless \register is rdx + \number. Leaves nothing in rcx. */
.macro expect register number bit
	lea	\number(%rdx), %rcx
	cmp	%rcx, \register
	je	.Lkept\@
	or	$\bit, %eax
.Lkept\@:
.endm

/* void switch_directly(void* four[4]): a switch with no frame of C++ on its way that would keep a
 * register by itself. rdi = { to's registers, from's, where the current one is named, to }. */
function switch_directly
	endbr64
	mov	16(%rdi), %rax
	mov	24(%rdi), %rcx
	mov	%rcx, (%rax)
	mov	8(%rdi), %rsi
	mov	(%rdi), %rdi
	xor	%edx, %edx
	jmp	offshoot_switch
end_function switch_directly

/* unsigned call_with_patterns(void (*function)(void*), void* argument, uint64_t seed)
 * rdi = function, rsi = argument, rdx = seed: the registers are given values near it. Returns a bit
 * for each that was not kept: 1 rbx, 2 rbp, 4 r12, 8 r13, 16 r14, 32 r15, 64 the direction flag. */
function call_with_patterns
	endbr64
	push_kept %rbp
	push_kept %rbx
	push_kept %r12
	push_kept %r13
	push_kept %r14
	push_kept %r15
	push	%rdx			/* the seed; rsp is now 16-aligned for the call */
	.cfi_adjust_cfa_offset 8
	mov	%rdi, %rax
	mov	%rsi, %rdi
	lea	1(%rdx), %rbx
	lea	2(%rdx), %rbp
	lea	3(%rdx), %r12
	lea	4(%rdx), %r13
	lea	5(%rdx), %r14
	lea	6(%rdx), %r15
	call	*%rax
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	xor	%eax, %eax
	expect	%rbx, 1, 1
	expect	%rbp, 2, 2
	expect	%r12, 3, 4
	expect	%r13, 4, 8
	expect	%r14, 5, 16
	expect	%r15, 6, 32
	pushf
	.cfi_adjust_cfa_offset 8
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	test	$0x400, %ecx
	jz	1f
	or	$64, %eax
1:	cld
	pop_kept %r15
	pop_kept %r14
	pop_kept %r13
	pop_kept %r12
	pop_kept %rbx
	pop_kept %rbp
	ret
end_function call_with_patterns

/* void look_at_entry(void* record): rdi = an array of two words, which get rsp as it was before the
 * call to here, and the flags. */
function look_at_entry
	endbr64
	lea	8(%rsp), %rax
	mov	%rax, (%rdi)
	pushf
	.cfi_adjust_cfa_offset 8
	pop	%rax
	.cfi_adjust_cfa_offset -8
	mov	%rax, 8(%rdi)
	ret
end_function look_at_entry
