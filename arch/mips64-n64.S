/* mips64, n64 ABI, hard-float. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (MIPSpro N32 ABI Handbook, table 2-1, which serves n64 too) are $16 to $23 (s0 to s7), $28
 * (gp), $30 (fp) and $f24 to $f31; $29 (sp) is the context's. $31 (ra) is where from will go on. FCSR
 * belongs to the thread. There is no red zone; sp is always 16-aligned.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  8 bytes unused              | 152
 *      |  $f24 ... $f31               | 88
 *      |  $28 $30 $31                 | 64
 *      |  $16 ... $23                 | 0    <- sp
 *
 * The jump is always made by way of $25, where a function expects its own address, with
 *
 *      $4 = to    $5 = from    $6 = what to's switch returns    sp = to's
 *
 * and everything else is free: where from will go on is in from's own frame. Delay slots are left to the
 * assembler.
 */
#include "asm.h"

#define SAVED 160

	.abicalls
	.set	noat

/* Calls a macro with every register that is kept, its place, and its name in unwind information. */
.macro for_each_integer macro
	.irp n, 16, 17, 18, 19, 20, 21, 22, 23
	\macro	$\n, (\n * 8 - 128), \n
	.endr
	\macro	$28, 64, 28
	\macro	$30, 72, 30
	\macro	$31, 80, 31
.endm
.macro for_each_double macro
	.irp n, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	$f\n, (\n * 8 - 104), \n+32
	.endr
.endm

.macro save register at number
	sd	\register, \at($29)
	.cfi_rel_offset \number, \at
.endm
.macro save_double register at number
	sdc1	\register, \at($29)
	.cfi_rel_offset \number, \at
.endm
.macro restore register at number
	ld	\register, \at($29)
	.cfi_restore \number
.endm
.macro restore_double register at number
	ldc1	\register, \at($29)
	.cfi_restore \number
.endm
.macro forget register at number
	.cfi_undefined \number
.endm

/* $4 = to. While sp is to's and the jump is not made, whoever unwinds finds the caller by way of $4. */
.macro go_to_target
	ld	$25, IP($4)
	ld	$29, SP($4)
	for_each_integer forget			/* whoever waits has no use for them */
	for_each_double forget
	.cfi_escape 0x0f, 3, 0x74, SP, 0x06	/* DW_CFA_def_cfa_expression: *($4 + SP) */
	.cfi_escape 0x10, 31, 2, 0x74, IP	/* DW_CFA_expression: $31 at $4 + IP */
	jr	$25
.endm

/* $25 = the address of \name: whoever calls C++ has to know the global offset table. */
.macro set_gp name
	lui	$28, %hi(%neg(%gp_rel(\name)))
	daddu	$28, $28, $25
	daddiu	$28, $28, %lo(%neg(%gp_rel(\name)))
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * $4 = to, $5 = from, $6 = with, $25 = here */
function offshoot_switch protected
	ld	$8, FLOOR($5)
	ld	$9, EXTENT($5)
	daddiu	$10, $29, -SAVED
	sd	$10, SP($5)
	dsubu	$8, $10, $8
	sltu	$8, $8, $9
	beqz	$8, 1f
	move	$29, $10
	.cfi_adjust_cfa_offset SAVED
	for_each_integer save
	for_each_double save_double
	daddiu	$25, $25, offshoot_wake - offshoot_switch
	sd	$25, IP($5)
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nop
offshoot_wake:
	sll	$2, $6, 0
	for_each_integer restore
	for_each_double restore_double
	daddiu	$29, $29, SAVED
	.cfi_adjust_cfa_offset -SAVED
	jr	$31				/* $2 = what was given */
1:	li	$2, REFUSED
	jr	$31
end_function offshoot_switch

/* On the transfer stack: $4 = to, $5 = from, $6 = with, $25 = here. */
landing offshoot_fetch 31
	set_gp	offshoot_fetch
	move	$16, $4
	move	$17, $6
	ld	$25, %call16(offshoot_move)($28)
	jalr	$25				/* $4 = to, $5 = from */
	move	$4, $16
	move	$6, $17
	go_to_target
end_function offshoot_fetch

/* On a fresh stack, $25 = here; all other registers are free. */
landing offshoot_start 31
	set_gp	offshoot_start
	move	$30, $0				/* ends the chain of frame pointers */
	ld	$25, %call16(offshoot_enter)($28)
	jalr	$25
	move	$4, $2				/* to */
	move	$5, $3				/* from */
	sltu	$6, $0, $5
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * $4 = from, $5 = visit, $6 = with, $25 = here */
function offshoot_unwind
	daddiu	$29, $29, -32
	sd	$31, 16($29)
	sd	$28, 8($29)
	sd	$16, 0($29)
	set_gp	offshoot_unwind
	move	$16, $4
	move	$4, $5
	move	$5, $6
	.cfi_escape 0x0f, 3, 0x80, SP, 0x06	/* DW_CFA_def_cfa_expression: *($16 + SP) */
	.cfi_escape 0x10, 31, 2, 0x80, IP	/* DW_CFA_expression: $31 at $16 + IP */
	.cfi_escape 0x10, 30, 2, 0x80, KEPT	/* $30 */
	.cfi_escape 0x10, 16, 2, 0x80, KEPT + 8	/* $16 */
	ld	$25, %call16(_Unwind_Backtrace)($28)
	jalr	$25				/* $4 = visit, $5 = with */
	.cfi_def_cfa 29, 32
	.cfi_offset 31, -16
	.cfi_offset 28, -24
	.cfi_offset 16, -32
	.cfi_restore 30
	ld	$31, 16($29)
	ld	$28, 8($29)
	ld	$16, 0($29)
	daddiu	$29, $29, 32
	.cfi_def_cfa_offset 0
	.cfi_restore 31
	.cfi_restore 28
	.cfi_restore 16
	jr	$31
end_function offshoot_unwind
