/* aarch64, AAPCS64. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (AAPCS64 6.1.1, 6.1.2) are x19 to x29, and of the vector registers the low halves d8 to
 * d15; sp is the context's. x30 is where from will go on. FPCR's control bits belong to the thread.
 * x18 is the platform's (6.1.1): neither saved nor touched. There is no red zone; sp is always 16-aligned.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  d14 d15                     | 144
 *      |   ...                        |
 *      |  d8  d9                      | 96
 *      |  x27 x28                     | 80
 *      |   ...                        |
 *      |  x19 x20                     | 16
 *      |  x29 x30                     | 0    <- sp: a frame record (6.4.6)
 *
 * The jump is always made by way of x16, with
 *
 *      x0 = to    x1 = from    w2 = what to's switch returns    sp = to's
 *
 * and everything else is free: where from will go on is in from's own frame.
 *
 * Branch target identification: the file is marked BTI, and where a jump or call leads there is a landing
 * pad; a jump by x16 may lead to `bti c`. A return address is not signed here: x30 is kept on the stack
 * as callers' prologues keep it that are not compiled with -mbranch-protection=pac-ret. What those sign
 * stays valid, since a slice comes back to the address that it left.
 */
#include "asm.h"

#define SAVED 160

.macro save_pair first second at
	stp	\first, \second, [sp, \at]
	.cfi_rel_offset \first, \at
	.cfi_rel_offset \second, \at + 8
.endm

.macro restore_pair first second at
	ldp	\first, \second, [sp, \at]
	.cfi_restore \first
	.cfi_restore \second
.endm

/* x0 = to. While sp is to's and the jump is not made, whoever unwinds finds the caller by way of x0. */
.macro go_to_target
	ldp	x3, x16, [x0, SP]
	mov	sp, x3
	.cfi_escape 0x0f, 3, 0x70, SP, 0x06	/* DW_CFA_def_cfa_expression: *(x0 + SP) */
	.cfi_escape 0x10, 30, 2, 0x70, IP	/* DW_CFA_expression: x30 at x0 + IP */
	.irp each, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, d8, d9, d10, d11, d12, d13, d14, d15
	.cfi_undefined \each			/* whoever waits has no use for them */
	.endr
	br	x16
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * x0 = to, x1 = from, w2 = with */
function offshoot_switch protected
	bti	c
	ldp	x4, x5, [x1, FLOOR]
	sub	x3, sp, SAVED
	str	x3, [x1, SP]
	sub	x4, x3, x4
	cmp	x4, x5
	b.hs	1f
	stp	x29, x30, [sp, -SAVED]!
	.cfi_adjust_cfa_offset SAVED
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	save_pair x19, x20, 16
	save_pair x21, x22, 32
	save_pair x23, x24, 48
	save_pair x25, x26, 64
	save_pair x27, x28, 80
	save_pair d8, d9, 96
	save_pair d10, d11, 112
	save_pair d12, d13, 128
	save_pair d14, d15, 144
	adr	x3, offshoot_wake
	str	x3, [x1, IP]
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nop
offshoot_wake:
	bti	c
	mov	w0, w2
	restore_pair x19, x20, 16
	restore_pair x21, x22, 32
	restore_pair x23, x24, 48
	restore_pair x25, x26, 64
	restore_pair x27, x28, 80
	restore_pair d8, d9, 96
	restore_pair d10, d11, 112
	restore_pair d12, d13, 128
	restore_pair d14, d15, 144
	ldp	x29, x30, [sp], SAVED
	.cfi_adjust_cfa_offset -SAVED
	.cfi_restore x29
	.cfi_restore x30
	ret					/* w0 = what was given */
1:	mov	w0, REFUSED
	ret
end_function offshoot_switch

/* On the transfer stack: x0 = to, x1 = from, w2 = with. */
landing offshoot_fetch x30
	bti	c
	mov	x19, x0
	mov	w20, w2
	bl	offshoot_move			/* x0 = to, x1 = from */
	mov	x0, x19
	mov	w2, w20
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. */
landing offshoot_start x30
	bti	c
	mov	x29, 0				/* ends the chain of frame records */
	bl	offshoot_enter			/* x0 = to, x1 = from */
	cmp	x1, 0
	cset	w2, ne
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * x0 = from, x1 = visit, x2 = with */
function offshoot_unwind
	bti	c
	stp	x29, x30, [sp, -32]!
	str	x19, [sp, 16]
	mov	x19, x0
	mov	x0, x1
	mov	x1, x2
	.cfi_escape 0x0f, 3, 0x83, SP, 0x06	/* DW_CFA_def_cfa_expression: *(x19 + SP) */
	.cfi_escape 0x10, 30, 2, 0x83, IP	/* DW_CFA_expression: x30 at x19 + IP */
	.cfi_escape 0x10, 29, 2, 0x83, KEPT	/* x29 */
	.cfi_escape 0x10, 19, 2, 0x83, KEPT + 8	/* x19 */
	bl	_Unwind_Backtrace		/* x0 = visit, x1 = with */
	.cfi_def_cfa sp, 32
	.cfi_offset x29, -32
	.cfi_offset x30, -24
	.cfi_offset x19, -16
	ldr	x19, [sp, 16]
	ldp	x29, x30, [sp], 32
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore x19
	ret
end_function offshoot_unwind

/* GNU_PROPERTY_AARCH64_FEATURE_1_AND (System V ABI for AArch64, "Program Property"): BTI, not PAC. */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4			/* length of "GNU\0" */
	.long	16			/* length of the property below */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000000		/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.long	4
	.long	1			/* bit 0: BTI */
	.long	0
