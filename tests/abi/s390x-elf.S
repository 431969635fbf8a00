/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 7 are r6 to r13, 8 to 15 are f8 to f15. */
#include "asm.h"

#define FRAME 232			/* the area of whom it calls, f8 to f15, the seed */

/* Calls a macro with every register, its number, and a double's place in the frame. */
.macro for_each macro
	.irp n, 6, 7, 8, 9, 10, 11, 12, 13
	\macro	%r\n, (\n - 6)
	.endr
	for_each_double \macro\()_double
.endm
.macro for_each_double macro
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	\macro	%f\n, \n, (\n * 8 + 96)
	.endr
.endm

.macro save register number at
	std	\register, \at(%r15)
.endm
.macro restore register number at
	ld	\register, \at(%r15)
.endm

/* r5 = seed */
.macro fill register number
	lay	\register, \number + 1(%r5)
.endm
.macro fill_double register number at
	lay	%r0, \number + 1(%r5)
	ldgr	\register, %r0
.endm

/* r5 = seed; r2 gets the bit */
.macro expect register number
	lay	%r0, \number + 1(%r5)
	cgr	%r0, \register
	je	.Lkept\@
	oill	%r2, 1 << \number
.Lkept\@:
.endm
.macro expect_double register number at
	lgdr	%r1, \register
	expect	%r1, \number
.endm

/* r2 = number */
.macro spoil_if register number
	cghi	%r2, \number
	jne	.Lother\@
	lcgr	\register, \register
.Lother\@:
.endm
.macro spoil_if_double register number at
	cghi	%r2, \number
	jne	.Lother\@
	lgdr	%r1, \register
	lcgr	%r1, %r1
	ldgr	\register, %r1
.Lother\@:
.endm

	.section .rodata
	.p2align 1			/* larl reaches even addresses only */
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"r6 r7 r8 r9 r10 r11 r12 r13 f8 f9 f10 f11 f12 f13 f14 f15"

/* r2 = function, r3 = first, r4 = second, r5 = seed */
function call_with_patterns
	stmg	%r6, %r15, 48(%r15)
	.irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.cfi_rel_offset %r\n, \n * 8
	.endr
	lay	%r15, -FRAME(%r15)
	.cfi_adjust_cfa_offset FRAME
	for_each_double save
	stg	%r5, 224(%r15)
	for_each fill
	lgr	%r1, %r2
	lgr	%r2, %r3
	lgr	%r3, %r4
	lghi	%r4, 0
	basr	%r14, %r1		/* r2 = first, r3 = second, r4 = 0 */
	lg	%r5, 224(%r15)
	lghi	%r2, 0
	for_each expect
	for_each_double restore
	lmg	%r6, %r15, FRAME + 48(%r15)
	.cfi_adjust_cfa_offset -FRAME
	br	%r14
end_function call_with_patterns

function spoil
	for_each spoil_if
	br	%r14
end_function spoil

/* "The Stack Frame": r15 is a multiple of 8. */
function wrong_at_entry
	lghi	%r2, 7
	ngr	%r2, %r15
	je	1f
	lghi	%r2, 1
1:	br	%r14
end_function wrong_at_entry
