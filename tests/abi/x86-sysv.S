/* As in x86_64-sysv.S: see patterns.hpp. */
#include "asm.h"

.macro push_kept register
	push	\register
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset \register, 0
.endm

.macro pop_kept register
	pop	\register
	.cfi_adjust_cfa_offset -4
	.cfi_restore \register
.endm

/* Sets bit \number in eax unless \register is edx + \number + 1. Leaves nothing in ecx. */
.macro expect register number
	lea	\number + 1(%edx), %ecx
	cmp	%ecx, \register
	je	.Lkept\@
	or	$1 << \number, %eax
.Lkept\@:
.endm

.macro spoil_if register number
	cmp	$\number, %eax
	jne	.Lother\@
	not	\register
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"ebx ebp esi edi direction-flag"

/* On the stack: function, first, second, seed */
function call_with_patterns
	push_kept %ebp
	push_kept %ebx
	push_kept %esi
	push_kept %edi
	sub	$12, %esp		/* 16-aligned; function is at 32(%esp) */
	.cfi_adjust_cfa_offset 12
	mov	36(%esp), %eax
	mov	%eax, (%esp)
	mov	40(%esp), %eax
	mov	%eax, 4(%esp)
	movl	$0, 8(%esp)
	mov	44(%esp), %edx
	lea	1(%edx), %ebx
	lea	2(%edx), %ebp
	lea	3(%edx), %esi
	lea	4(%edx), %edi
	call	*32(%esp)		/* on the stack: first, second, 0 */
	mov	44(%esp), %edx
	xor	%eax, %eax
	expect	%ebx, 0
	expect	%ebp, 1
	expect	%esi, 2
	expect	%edi, 3
	add	$12, %esp
	.cfi_adjust_cfa_offset -12
	pushf
	.cfi_adjust_cfa_offset 4
	pop	%ecx
	.cfi_adjust_cfa_offset -4
	test	$0x400, %ecx
	jz	1f
	or	$1 << 4, %eax
1:	cld
	xor	%edx, %edx		/* the upper half of the result */
	pop_kept %edi
	pop_kept %esi
	pop_kept %ebx
	pop_kept %ebp
	ret
end_function call_with_patterns

function spoil
	mov	4(%esp), %eax
	spoil_if %ebx, 0
	spoil_if %ebp, 1
	spoil_if %esi, 2
	spoil_if %edi, 3
	cmp	$4, %eax
	jne	1f
	std
1:	ret
end_function spoil

/* psABI 2.2.2, 2.2.1: esp + 4 is a multiple of 16, the direction flag is clear. */
function wrong_at_entry
	lea	4(%esp), %eax
	and	$15, %eax
	neg	%eax
	sbb	%eax, %eax
	and	$1, %eax
	pushf
	.cfi_adjust_cfa_offset 4
	pop	%ecx
	.cfi_adjust_cfa_offset -4
	test	$0x400, %ecx
	jz	1f
	or	$2, %eax
1:	ret
end_function wrong_at_entry
