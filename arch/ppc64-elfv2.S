/* ppc64 and ppc64le, ELFv2 ABI. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (ELFv2 2.2.2.1) are r14 to r31, f14 to f31, v20 to v31, the fields 2 to 4 of CR, and for
 * whoever is called inside one library the TOC pointer, r2; r1, the stack pointer, is the context's. LR
 * is where from will go on. FPSCR and VSCR belong to the thread; r13 is the thread's pointer. The 288
 * bytes below r1 (2.2.3.4) are a leaf's, and who calls is none.
 *
 * A function stores LR and CR into the header of its caller's frame (2.2.3.1): above what a switch has
 * to ask for. Who calls a function on a fresh stack must leave that header.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  LR, CR, in its header       |
 *      |  v20 ... v31                 | 320
 *      |  f14 ... f31                 | 176
 *      |  r14 ... r31                 | 32
 *      |  header: r2, back chain      | 0    <- r1
 *
 * The jump is always made by way of r12, where a function expects its own address, with
 *
 *      r3 = to    r4 = from    r5 = what to's switch returns    r1 = to's
 *
 * and everything else is free: where from will go on is in from's own frame.
 */
#include "asm.h"

#if _CALL_ELF != 2
#error "offshoot knows ppc64 with the ELFv2 ABI only"
#endif

#define SAVED 512
#define TOC_SLOT 24		/* in a frame's header */
#define LR_SLOT 16
#define CR_SLOT 8

/* Calls a macro with every register that is kept, its place, and its name in unwind information. */
.macro for_each_integer macro
	.irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n * 8 - 80), \n
	.endr
.endm
.macro for_each_double macro
	.irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n * 8 + 64), \n+32
	.endr
.endm
.macro for_each_vector macro
	.irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n * 16), \n+77
	.endr
.endm

.macro save n at number
	std	\n, \at(1)
	.cfi_rel_offset \number, \at
.endm
.macro save_double n at number
	stfd	\n, \at(1)
	.cfi_rel_offset \number, \at
.endm
.macro save_vector n at number
	li	6, \at
	stvx	\n, 6, 1
	.cfi_rel_offset \number, \at
.endm
.macro restore n at number
	ld	\n, \at(1)
	.cfi_restore \number
.endm
.macro restore_double n at number
	lfd	\n, \at(1)
	.cfi_restore \number
.endm
.macro restore_vector n at number
	li	6, \at
	lvx	\n, 6, 1
	.cfi_restore \number
.endm
.macro forget n at number
	.cfi_undefined \number
.endm

/* r3 = to. While r1 is to's and the jump is not made, whoever unwinds finds the caller by way of r3. */
.macro go_to_target
	ld	12, IP(3)
	mtctr	12
	ld	1, SP(3)
	for_each_integer forget			/* whoever waits has no use for them */
	for_each_double forget
	for_each_vector forget
	.cfi_undefined 70			/* CR */
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06	/* DW_CFA_def_cfa_expression: *(r3 + SP) */
	.cfi_escape 0x10, 65, 2, 0x73, IP	/* DW_CFA_expression: LR at r3 + IP */
	bctr
.endm

/* r12 = the address of \name: whoever calls C++ has to know the TOC. */
.macro set_toc name
	addis	2, 12, .TOC. - \name@ha
	addi	2, 2, .TOC. - \name@l
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * r3 = to, r4 = from, r5 = with */
function offshoot_switch protected
	ld	7, FLOOR(4)
	ld	8, EXTENT(4)
	addi	6, 1, -SAVED
	std	6, SP(4)
	subf	7, 7, 6
	cmpld	7, 8
	bge	1f
	mflr	0
	std	0, LR_SLOT(1)
	.cfi_rel_offset 65, LR_SLOT
	mfcr	0
	stw	0, CR_SLOT(1)
	.cfi_rel_offset 70, CR_SLOT
	stdu	1, -SAVED(1)
	.cfi_adjust_cfa_offset SAVED
	std	2, TOC_SLOT(1)
	bcl	20, 31, 2f			/* the form that no return predictor counts */
2:	mflr	7
	addi	7, 7, offshoot_wake - 2b
	std	7, IP(4)
	for_each_integer save
	for_each_double save_double
	for_each_vector save_vector
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	nop
offshoot_wake:
	clrldi	3, 5, 32
	ld	2, TOC_SLOT(1)
	for_each_integer restore
	for_each_double restore_double
	for_each_vector restore_vector
	addi	1, 1, SAVED
	.cfi_adjust_cfa_offset -SAVED
	ld	0, LR_SLOT(1)
	mtlr	0
	.cfi_restore 65
	lwz	0, CR_SLOT(1)
	mtcrf	0x38, 0				/* fields 2, 3 and 4 */
	.cfi_restore 70
	blr					/* r3 = what was given */
1:	li	3, REFUSED
	blr
end_function offshoot_switch

/* On the transfer stack: r3 = to, r4 = from, r5 = with, r12 = here. */
landing offshoot_fetch 65
	set_toc	offshoot_fetch
	mr	14, 3
	mr	15, 5
	li	0, 0
	stdu	0, -32(1)			/* a header, which ends the back chain */
	.cfi_adjust_cfa_offset 32
	bl	offshoot_move			/* r3 = to, r4 = from */
	nop
	mr	3, 14
	mr	5, 15
	go_to_target
end_function offshoot_fetch

/* On a fresh stack, r12 = here; all other registers are free. first_frame is the header. */
landing offshoot_start 65
	set_toc	offshoot_start
	bl	offshoot_enter			/* r3 = to, r4 = from */
	nop
	addic	5, 4, -1			/* carries unless from is null */
	subfe	5, 5, 4
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * r3 = from, r4 = visit, r5 = with, r12 = here or r2 = the TOC */
function offshoot_unwind
	set_toc	offshoot_unwind
	.localentry offshoot_unwind, . - offshoot_unwind
	mflr	0
	std	0, LR_SLOT(1)
	std	31, -8(1)
	std	30, -16(1)
	stdu	1, -48(1)
	mr	31, 3
	mr	3, 4
	mr	4, 5
	.cfi_escape 0x0f, 3, 0x8f, SP, 0x06	/* DW_CFA_def_cfa_expression: *(r31 + SP) */
	.cfi_escape 0x10, 65, 2, 0x8f, IP	/* DW_CFA_expression: LR at r31 + IP */
	.cfi_escape 0x10, 30, 2, 0x8f, KEPT + 8	/* r30 */
	.cfi_escape 0x10, 31, 2, 0x8f, KEPT	/* r31 */
	bl	_Unwind_Backtrace		/* r3 = visit, r4 = with */
	nop
	.cfi_def_cfa 1, 48
	.cfi_offset 65, 16
	.cfi_offset 31, -8
	.cfi_offset 30, -16
	addi	1, 1, 48
	.cfi_def_cfa_offset 0
	ld	0, LR_SLOT(1)
	mtlr	0
	ld	31, -8(1)
	ld	30, -16(1)
	.cfi_restore 65
	.cfi_restore 31
	.cfi_restore 30
	blr
end_function offshoot_unwind
