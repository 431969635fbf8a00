/* s390x, the ELF ABI. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (s390x ELF ABI, "Register Usage") are r6 to r13, and f8 to f15; r15, the stack pointer, is
 * the context's. r14 is where from will go on. FPC belongs to the thread. There is no red zone: on the
 * contrary, a function owns the 160 bytes above its stack pointer as it is entered, the register save
 * area ("The Stack Frame"), and r6 to r15 have their places in there. So they are above what a switch
 * has to ask for, and who calls a function on a fresh stack must leave that area.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  r6 ... r15, in their area   | 64
 *      |  f8 ... f15                  | 0    <- r15
 *
 * The jump is always made with
 *
 *      r2 = to    r3 = from    r4 = what to's switch returns    r15 = to's
 *
 * and everything else is free: where from will go on is in from's own frame.
 */
#include "asm.h"

#define SAVED 64
#define AREA 160

/* Calls a macro with every register that is kept and its place: in the area above, or here. */
.macro for_each_in_area macro
	.irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\macro	%r\n, (\n * 8)
	.endr
.endm
.macro for_each_here macro
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	\macro	%f\n, (\n * 8 - 64)
	.endr
.endm

.macro describe register at
	.cfi_rel_offset \register, \at
.endm
.macro save register at
	std	\register, \at(%r15)
	.cfi_rel_offset \register, \at
.endm
.macro restore register at
	ld	\register, \at(%r15)
	.cfi_restore \register
.endm
.macro restored register at
	.cfi_restore \register
.endm
.macro restored_at register at
	.cfi_offset \register, \at - AREA
.endm
.macro forget register at
	.cfi_undefined \register
.endm

/* r2 = to. While r15 is to's and the jump is not made, whoever unwinds finds the caller by way of r2. */
.macro go_to_target
	lg	%r5, IP(%r2)
	lg	%r15, SP(%r2)
	for_each_in_area forget			/* whoever waits has no use for them */
	for_each_here forget
	.cfi_escape 0x0f, 6, 0x72, SP, 0x06, 0x23, 0xa0, 0x01	/* CFA: *(r2 + SP) + 160 */
	.cfi_escape 0x16, 15, 3, 0x72, SP, 0x06	/* DW_CFA_val_expression: r15 is *(r2 + SP) */
	.cfi_escape 0x10, 14, 2, 0x72, IP	/* DW_CFA_expression: r14 at r2 + IP */
	br	%r5
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * r2 = to, r3 = from, r4 = with */
function offshoot_switch protected
	lay	%r1, -SAVED(%r15)
	stg	%r1, SP(%r3)
	lgr	%r0, %r1
	slg	%r0, FLOOR(%r3)
	clg	%r0, EXTENT(%r3)
	jnl	1f
	stmg	%r6, %r15, 48(%r15)
	for_each_in_area describe
	lgr	%r15, %r1
	.cfi_adjust_cfa_offset SAVED
	for_each_here save
	larl	%r5, offshoot_wake
	stg	%r5, IP(%r3)
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nopr
offshoot_wake:
	llgfr	%r2, %r4
	for_each_here restore
	lmg	%r6, %r15, SAVED + 48(%r15)
	.cfi_adjust_cfa_offset -SAVED
	for_each_in_area restored
	br	%r14				/* r2 = what was given */
1:	lghi	%r2, REFUSED
	br	%r14
end_function offshoot_switch

/* On the transfer stack: r2 = to, r3 = from, r4 = with. */
landing offshoot_fetch, %r14
	lgr	%r6, %r2
	lgr	%r7, %r4
	aghi	%r15, -AREA
	.cfi_adjust_cfa_offset AREA
	brasl	%r14, offshoot_move		/* r2 = to, r3 = from */
	lgr	%r2, %r6
	lgr	%r4, %r7
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. Above r15 is offshoot_enter's area: first_frame. */
landing offshoot_start, %r14
	la	%r2, AREA(%r15)			/* a struct is returned in memory: first_frame's */
	brasl	%r14, offshoot_enter
	lmg	%r2, %r3, AREA(%r15)
	lghi	%r4, LADEN
	ltgr	%r3, %r3
	jne	1f
	lghi	%r4, QUIET
1:	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * r2 = from, r3 = visit, r4 = with */
function offshoot_unwind
	stmg	%r6, %r15, 48(%r15)
	aghi	%r15, -AREA
	lgr	%r6, %r2
	lgr	%r2, %r3
	lgr	%r3, %r4
	.cfi_escape 0x0f, 6, 0x76, SP, 0x06, 0x23, 0xa0, 0x01	/* CFA: *(r6 + SP) + 160 */
	.cfi_escape 0x16, 15, 3, 0x76, SP, 0x06	/* DW_CFA_val_expression: r15 is *(r6 + SP) */
	.cfi_escape 0x10, 14, 2, 0x76, IP	/* DW_CFA_expression: r14 at r6 + IP */
	.cfi_escape 0x10, 11, 2, 0x76, KEPT	/* r11 */
	.cfi_escape 0x10, 12, 2, 0x76, KEPT + 8	/* r12 */
	brasl	%r14, _Unwind_Backtrace@PLT	/* r2 = visit, r3 = with */
	.cfi_def_cfa %r15, 2 * AREA
	for_each_in_area restored_at
	lmg	%r6, %r15, AREA + 48(%r15)
	.cfi_def_cfa_offset AREA
	for_each_in_area restored
	br	%r14
end_function offshoot_unwind
