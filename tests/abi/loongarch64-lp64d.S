/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 9 are $r22 to $r31, 10 to 17 are $f24 to $f31. */
#include "asm.h"

#define FRAME 160
#define SEED 152			/* where it lies in the frame */

/* Calls a macro with every register, its number, its place in the frame, and its number for unwinders. */
.macro for_each macro
	.irp n, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	$r\n, (\n - 22), (\n - 22) * 8 + 8, \n
	.endr
	.irp n, 24, 25, 26, 27, 28, 29, 30, 31
	\macro\()_double $f\n, (\n - 14), (\n - 24) * 8 + 88, 32 + \n
	.endr
.endm

.macro save register number at column
	st.d	\register, $sp, \at
	.cfi_rel_offset \column, \at
.endm
.macro save_double register number at column
	fst.d	\register, $sp, \at
	.cfi_rel_offset \column, \at
.endm
.macro restore register number at column
	ld.d	\register, $sp, \at
	.cfi_restore \column
.endm
.macro restore_double register number at column
	fld.d	\register, $sp, \at
	.cfi_restore \column
.endm

/* $a3 = seed */
.macro fill register number at column
	addi.d	\register, $a3, \number + 1
.endm
.macro fill_double register number at column
	addi.d	$t0, $a3, \number + 1
	movgr2fr.d \register, $t0
.endm

/* $a3 = seed; $a0 gets the bit */
.macro expect register number at column
	addi.d	$t0, $a3, \number + 1
	xor	$t0, $t0, \register
	sltu	$t0, $zero, $t0
	slli.d	$t0, $t0, \number
	or	$a0, $a0, $t0
.endm
.macro expect_double register number at column
	movfr2gr.d $t1, \register
	expect	$t1, \number
.endm

/* $a0 = number */
.macro spoil_if register number at column
	ori	$t0, $zero, \number
	bne	$t0, $a0, .Lother\@
	nor	\register, \register, $zero
.Lother\@:
.endm
.macro spoil_if_double register number at column
	ori	$t0, $zero, \number
	bne	$t0, $a0, .Lother\@
	movfr2gr.d $t0, \register
	nor	$t0, $t0, $zero
	movgr2fr.d \register, $t0
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"fp s0 s1 s2 s3 s4 s5 s6 s7 s8 fs0 fs1 fs2 fs3 fs4 fs5 fs6 fs7"

/* $a0 = function, $a1 = first, $a2 = second, $a3 = seed */
function call_with_patterns
	addi.d	$sp, $sp, -FRAME
	.cfi_adjust_cfa_offset FRAME
	save	$ra, none, 0, 1
	for_each save
	st.d	$a3, $sp, SEED
	for_each fill
	move	$t0, $a0
	move	$a0, $a1
	move	$a1, $a2
	move	$a2, $zero
	jirl	$ra, $t0, 0		/* $a0 = first, $a1 = second, $a2 = 0 */
	ld.d	$a3, $sp, SEED
	move	$a0, $zero
	for_each expect
	for_each restore
	restore	$ra, none, 0, 1
	addi.d	$sp, $sp, FRAME
	.cfi_adjust_cfa_offset -FRAME
	ret
end_function call_with_patterns

function spoil
	for_each spoil_if
	ret
end_function spoil

/* Procedure Call Standard, "The stack": $sp is a multiple of 16. */
function wrong_at_entry
	andi	$a0, $sp, 15
	sltu	$a0, $zero, $a0
	ret
end_function wrong_at_entry
