/* Calls a function with every callee-saved register set to a value of its own, and tells which of
 * them came back changed. See patterns.hpp and registers.cpp. */
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

/* Sets bit \number in eax unless \register is rdx + \number + 1. Leaves nothing in rcx. */
.macro expect register number
	lea	\number + 1(%rdx), %rcx
	cmp	%rcx, \register
	je	.Lkept\@
	or	$1 << \number, %eax
.Lkept\@:
.endm

.macro spoil_if register number
	cmp	$\number, %edi
	jne	.Lother\@
	not	\register
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"rbx rbp r12 r13 r14 r15 direction-flag"

/* rdi = function, rsi = first, rdx = second, rcx = seed */
function call_with_patterns
	endbr64
	push_kept %rbp
	push_kept %rbx
	push_kept %r12
	push_kept %r13
	push_kept %r14
	push_kept %r15
	push	%rcx			/* the seed; rsp is now 16-aligned for the call */
	.cfi_adjust_cfa_offset 8
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	xor	%edx, %edx
	lea	1(%rcx), %rbx
	lea	2(%rcx), %rbp
	lea	3(%rcx), %r12
	lea	4(%rcx), %r13
	lea	5(%rcx), %r14
	lea	6(%rcx), %r15
	call	*%rax			/* rdi = first, rsi = second, rdx = 0 */
	pop	%rdx
	.cfi_adjust_cfa_offset -8
	xor	%eax, %eax
	expect	%rbx, 0
	expect	%rbp, 1
	expect	%r12, 2
	expect	%r13, 3
	expect	%r14, 4
	expect	%r15, 5
	pushf
	.cfi_adjust_cfa_offset 8
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	test	$0x400, %ecx
	jz	1f
	or	$1 << 6, %eax
1:	cld
	pop_kept %r15
	pop_kept %r14
	pop_kept %r13
	pop_kept %r12
	pop_kept %rbx
	pop_kept %rbp
	ret
end_function call_with_patterns

/* rdi = number */
function spoil
	endbr64
	spoil_if %rbx, 0
	spoil_if %rbp, 1
	spoil_if %r12, 2
	spoil_if %r13, 3
	spoil_if %r14, 4
	spoil_if %r15, 5
	cmp	$6, %edi
	jne	1f
	std
1:	ret
end_function spoil

/* psABI 3.2.2, 3.2.1: rsp + 8 is a multiple of 16, the direction flag is clear. */
function wrong_at_entry
	endbr64
	lea	8(%rsp), %rax
	and	$15, %eax
	neg	%eax
	sbb	%eax, %eax
	and	$1, %eax
	pushf
	.cfi_adjust_cfa_offset 8
	pop	%rcx
	.cfi_adjust_cfa_offset -8
	test	$0x400, %ecx
	jz	1f
	or	$2, %eax
1:	ret
end_function wrong_at_entry
