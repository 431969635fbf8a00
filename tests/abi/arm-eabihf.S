/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 7 are r4 to r11, 8 to 15 are d8 to d15. */
#include "asm.h"

	.syntax unified
	.arm
	.fpu vfpv3-d16

/* Calls a macro with every register and its number. */
.macro for_each macro
	.irp n, 4, 5, 6, 7, 8, 9, 10, 11
	\macro	r\n, (\n - 4)
	.endr
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	\macro\()_double d\n, \n
	.endr
.endm

/* r3 = seed; a double gets it twice, the second time inverted */
.macro fill register number
	add	\register, r3, #\number + 1
.endm
.macro fill_double register number
	add	r12, r3, #\number + 1
	vmov	s0, r12
	mvn	r12, r12
	vmov	s1, r12
	vmov.f64 \register, d0
.endm

/* r3 = seed; r0 gets the bit */
.macro expect register number
	add	r12, r3, #\number + 1
	cmp	r12, \register
	orrne	r0, r0, #1 << \number
.endm
.macro expect_double register number
	vmov	r1, r2, \register
	mvn	r2, r2
	expect	r1, \number
	expect	r2, \number
.endm

/* r0 = number */
.macro spoil_if register number
	cmp	r0, #\number
	mvneq	\register, \register
.endm
.macro spoil_if_double register number
	vmov	r1, r2, \register
	cmp	r0, #\number
	mvneq	r2, r2			/* only its upper half */
	vmov	\register, r1, r2
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"r4 r5 r6 r7 r8 r9 r10 r11 d8 d9 d10 d11 d12 d13 d14 d15"

/* r0 = function, r1 = first, r2 = second, r3 = seed */
function call_with_patterns
	push	{r3-r11, lr}
	.save	{r3-r11, lr}
	.cfi_adjust_cfa_offset 40
	.cfi_rel_offset lr, 36
	vpush	{d8-d15}
	.vsave	{d8-d15}
	.cfi_adjust_cfa_offset 64
	for_each fill
	mov	r12, r0
	mov	r0, r1
	mov	r1, r2
	mov	r2, #0
	blx	r12			/* r0 = first, r1 = second, r2 = 0 */
	ldr	r3, [sp, #64]
	mov	r0, #0
	for_each expect
	mov	r1, #0			/* the upper half of the result */
	vpop	{d8-d15}
	.cfi_adjust_cfa_offset -64
	pop	{r3-r11, pc}
end_function call_with_patterns

function spoil
	for_each spoil_if
	bx	lr
end_function spoil

/* AAPCS32 6.2.1.2: sp is a multiple of 8. */
function wrong_at_entry
	ands	r0, sp, #7
	movne	r0, #1
	bx	lr
end_function wrong_at_entry
