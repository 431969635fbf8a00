/* riscv64, the lp64d ABI. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (RISC-V psABI, "Integer Register Convention" and "Floating-point Register Convention")
 * are s0 to s11 and fs0 to fs11; sp is the context's. ra is where from will go on. fcsr belongs to the
 * thread; gp and tp are nobody's to change. There is no red zone; sp is always 16-aligned.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  8 bytes unused              | 200
 *      |  fs0 ... fs11                | 104
 *      |  s0 ... s11                  | 8
 *      |  ra                          | 0    <- sp
 *
 * The jump is always made with
 *
 *      a0 = to    a1 = from    a2 = what to's switch returns    sp = to's
 *
 * and everything else is free: where from will go on is in from's own frame. The jump is by way of t1:
 * t0 and ra would tell a processor's return predictor of a call or return (RISC-V ISA manual, "JALR").
 */
#include "asm.h"

#define SAVED 208

	.option arch, rv64gc		/* whatever the compiler was told for C++: lp64d implies it */

/* Calls a macro with every register that is kept and its place in the frame. */
.macro for_each_integer macro
	\macro	ra, 0
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\macro	s\n, \n * 8 + 8
	.endr
.endm
.macro for_each_double macro
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\macro	fs\n, \n * 8 + 104
	.endr
.endm

.macro save register at
	sd	\register, \at(sp)
	.cfi_rel_offset \register, \at
.endm
.macro save_double register at
	fsd	\register, \at(sp)
	.cfi_rel_offset \register, \at
.endm
.macro restore register at
	ld	\register, \at(sp)
	.cfi_restore \register
.endm
.macro restore_double register at
	fld	\register, \at(sp)
	.cfi_restore \register
.endm
.macro forget register at
	.cfi_undefined \register
.endm

/* a0 = to. While sp is to's and the jump is not made, whoever unwinds finds the caller by way of a0. */
.macro go_to_target
	ld	t1, IP(a0)
	ld	sp, SP(a0)
	for_each_integer forget			/* whoever waits has no use for them */
	for_each_double forget
	.cfi_escape 0x0f, 3, 0x7a, SP, 0x06	/* DW_CFA_def_cfa_expression: *(a0 + SP) */
	.cfi_escape 0x10, 1, 2, 0x7a, IP	/* DW_CFA_expression: ra at a0 + IP */
	jr	t1
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * a0 = to, a1 = from, a2 = with */
function offshoot_switch protected
	ld	t0, FLOOR(a1)
	ld	t1, EXTENT(a1)
	addi	t2, sp, -SAVED
	sd	t2, SP(a1)
	sub	t0, t2, t0
	bgeu	t0, t1, 1f
	mv	sp, t2
	.cfi_adjust_cfa_offset SAVED
	for_each_integer save
	for_each_double save_double
	lla	t0, offshoot_wake
	sd	t0, IP(a1)
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nop
offshoot_wake:
	mv	a0, a2
	for_each_integer restore
	for_each_double restore_double
	addi	sp, sp, SAVED
	.cfi_adjust_cfa_offset -SAVED
	ret					/* a0 = what was given */
1:	li	a0, REFUSED
	ret
end_function offshoot_switch

/* On the transfer stack: a0 = to, a1 = from, a2 = with. */
landing offshoot_fetch ra
	mv	s1, a0
	mv	s2, a2
	call	offshoot_move			/* a0 = to, a1 = from */
	mv	a0, s1
	mv	a2, s2
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. */
landing offshoot_start ra
	li	s0, 0				/* ends the chain of frame pointers */
	call	offshoot_enter			/* a0 = to, a1 = from */
	snez	a2, a1
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * a0 = from, a1 = visit, a2 = with */
function offshoot_unwind
	addi	sp, sp, -16
	sd	ra, 8(sp)
	sd	s1, 0(sp)
	mv	s1, a0
	mv	a0, a1
	mv	a1, a2
	.cfi_escape 0x0f, 3, 0x79, SP, 0x06	/* DW_CFA_def_cfa_expression: *(s1 + SP) */
	.cfi_escape 0x10, 1, 2, 0x79, IP	/* DW_CFA_expression: ra at s1 + IP */
	.cfi_escape 0x10, 8, 2, 0x79, KEPT	/* s0 */
	.cfi_escape 0x10, 9, 2, 0x79, KEPT + 8	/* s1 */
	call	_Unwind_Backtrace@plt		/* a0 = visit, a1 = with */
	.cfi_def_cfa sp, 16
	.cfi_offset ra, -8
	.cfi_offset s1, -16
	.cfi_restore s0
	ld	ra, 8(sp)
	ld	s1, 0(sp)
	addi	sp, sp, 16
	.cfi_def_cfa_offset 0
	.cfi_restore ra
	.cfi_restore s1
	ret
end_function offshoot_unwind
