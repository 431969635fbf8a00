/* loongarch64, the LP64D ABI. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (Procedure Call Standard for the LoongArch Architecture, "General-purpose registers",
 * "Floating-point registers", and "The registers" of "Subroutine Calling Sequence") are $r22, which is $fp
 * or $s9, $r23 to $r31, which are $s0 to $s8, and $f24 to $f31, which are $fs0 to $fs7: of a vector
 * register only these 64 bits. $sp is the context's. $ra is where from will go on. The condition flags are
 * nobody's, FCSR is the thread's; $tp and $r21 are neither saved nor touched. Nothing below $sp lasts ("The
 * stack"): no red zone. $sp is always 16-aligned.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  8 bytes unused              | 152
 *      |  $f24 ... $f31               | 88
 *      |  $r22 ... $r31               | 8
 *      |  $ra                         | 0    <- sp
 *
 * The jump is always made with
 *
 *      $a0 = to    $a1 = from    $a2 = what to's switch returns    $sp = to's
 *
 * and everything else is free: where from will go on is in from's own frame.
 *
 * Unwind information has registers by their numbers ("DWARF for the LoongArch Architecture"): 0 to 31 are
 * $r0 to $r31, 32 to 63 are $f0 to $f31.
 */
#include "asm.h"

#define SAVED 160
#define RA 1				/* $ra is $r1 */

/* Calls a macro with the number of every register that is kept, and its place in the frame. */
.macro for_each_integer macro
	\macro	RA, 0
	.irp n, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n - 22) * 8 + 8
	.endr
.endm
.macro for_each_double macro
	.irp n, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n - 24) * 8 + 88
	.endr
.endm

.macro save number at
	st.d	$r\number, $sp, \at
	.cfi_rel_offset \number, \at
.endm
.macro save_double number at
	fst.d	$f\number, $sp, \at
	.cfi_rel_offset 32 + \number, \at
.endm
.macro restore number at
	ld.d	$r\number, $sp, \at
	.cfi_restore \number
.endm
.macro restore_double number at
	fld.d	$f\number, $sp, \at
	.cfi_restore 32 + \number
.endm
.macro forget number at
	.cfi_undefined \number
.endm
.macro forget_double number at
	.cfi_undefined 32 + \number
.endm

/* $a0 = to. While $sp is to's and the jump is not made, whoever unwinds finds the caller by way of $a0. */
.macro go_to_target
	ld.d	$t1, $a0, IP
	ld.d	$sp, $a0, SP
	for_each_integer forget			/* whoever waits has no use for them */
	for_each_double forget_double
	.cfi_escape 0x0f, 3, 0x74, SP, 0x06	/* DW_CFA_def_cfa_expression: *($r4 + SP) */
	.cfi_escape 0x10, RA, 2, 0x74, IP	/* DW_CFA_expression: $ra at $r4 + IP */
	jr	$t1				/* not by $ra, which would be a return */
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * $a0 = to, $a1 = from, $a2 = with */
function offshoot_switch protected
	ld.d	$t0, $a1, FLOOR
	ld.d	$t1, $a1, EXTENT
	addi.d	$t2, $sp, -SAVED
	st.d	$t2, $a1, SP
	sub.d	$t0, $t2, $t0
	bgeu	$t0, $t1, 1f
	move	$sp, $t2
	.cfi_adjust_cfa_offset SAVED
	for_each_integer save
	for_each_double save_double
	la.local $t0, offshoot_wake
	st.d	$t0, $a1, IP
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nop
offshoot_wake:
	move	$a0, $a2
	for_each_integer restore
	for_each_double restore_double
	addi.d	$sp, $sp, SAVED
	.cfi_adjust_cfa_offset -SAVED
	ret					/* $a0 = what was given */
1:	ori	$a0, $zero, REFUSED
	ret
end_function offshoot_switch

/* On the transfer stack: $a0 = to, $a1 = from, $a2 = with. */
landing offshoot_fetch RA
	move	$s0, $a0
	move	$s1, $a2
	bl	offshoot_move			/* $a0 = to, $a1 = from */
	move	$a0, $s0
	move	$a2, $s1
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. */
landing offshoot_start RA
	move	$fp, $zero			/* ends the chain of frame pointers */
	bl	offshoot_enter			/* $a0 = to, $a1 = from */
	sltu	$a2, $zero, $a1
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * $a0 = from, $a1 = visit, $a2 = with */
function offshoot_unwind
	addi.d	$sp, $sp, -16
	st.d	$ra, $sp, 8
	st.d	$s8, $sp, 0
	move	$s8, $a0
	move	$a0, $a1
	move	$a1, $a2
	.cfi_escape 0x0f, 3, 0x8f, SP, 0x06	/* DW_CFA_def_cfa_expression: *($r31 + SP) */
	.cfi_escape 0x10, RA, 2, 0x8f, IP	/* DW_CFA_expression: $ra at $r31 + IP */
	.cfi_escape 0x10, 22, 2, 0x8f, KEPT	/* $fp */
	.cfi_escape 0x10, 31, 2, 0x8f, KEPT + 8	/* $s8 */
	bl	%plt(_Unwind_Backtrace)		/* $a0 = visit, $a1 = with */
	.cfi_def_cfa 3, 16			/* $sp */
	.cfi_offset RA, -8
	.cfi_offset 31, -16
	.cfi_restore 22
	ld.d	$ra, $sp, 8
	ld.d	$s8, $sp, 0
	addi.d	$sp, $sp, 16
	.cfi_def_cfa_offset 0
	.cfi_restore RA
	.cfi_restore 31
	ret
end_function offshoot_unwind
