/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 17 are r14 to r31, 18 to 35 are f14 to f31, 36 to
 * 47 are v20 to v31, and 48 are the three fields of CR. */
#include "asm.h"

#define FRAME 544
#define SEED 520			/* in it */

/* Calls a macro with every register, its number, and its place in the frame. */
.macro for_each macro
	.irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro	\n, (\n - 14), (\n * 8 - 80)
	\macro\()_double \n, (\n + 4), (\n * 8 + 64)
	.endr
	.irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\macro\()_vector \n, (\n + 16), (\n * 16)
	.endr
.endm

.macro save n number at
	std	\n, \at(1)
	.cfi_rel_offset \n, \at
.endm
.macro save_double n number at
	stfd	\n, \at(1)
.endm
.macro save_vector n number at
	li	10, \at
	stvx	\n, 10, 1
.endm
.macro restore n number at
	ld	\n, \at(1)
.endm
.macro restore_double n number at
	lfd	\n, \at(1)
.endm
.macro restore_vector n number at
	li	10, \at
	lvx	\n, 10, 1
.endm

/* r6 = seed; a vector gets it twice, the second time inverted; 0(r1) is a scratch place of 16 bytes */
.macro fill n number at
	addi	\n, 6, \number + 1
.endm
.macro fill_double n number at
	addi	10, 6, \number + 1
	std	10, -16(1)
	lfd	\n, -16(1)
.endm
.macro fill_vector n number at
	addi	10, 6, \number + 1
	std	10, -16(1)
	not	10, 10
	std	10, -8(1)
	li	10, -16
	lvx	\n, 10, 1
.endm

/* r6 = seed; r3 gets the bit */
.macro expect n number at
	addi	10, 6, \number + 1
	cmpd	10, \n
	beq	.Lkept\@
	li	10, 1
	sldi	10, 10, \number
	or	3, 3, 10
.Lkept\@:
.endm
.macro expect_double n number at
	stfd	\n, -16(1)
	ld	11, -16(1)
	expect	11, \number
.endm
.macro expect_vector n number at
	li	10, -16
	stvx	\n, 10, 1
	ld	11, -16(1)
	expect	11, \number
	ld	11, -8(1)
	not	11, 11
	expect	11, \number
.endm

/* r3 = number */
.macro spoil_if n number at
	cmpldi	3, \number
	bne	.Lother\@
	not	\n, \n
.Lother\@:
.endm
.macro spoil_if_double n number at
	cmpldi	3, \number
	bne	.Lother\@
	fneg	\n, \n
.Lother\@:
.endm
.macro spoil_if_vector n number at
	cmpldi	3, \number
	bne	.Lother\@
	vnor	\n, \n, \n
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.ascii	"r14 r15 r16 r17 r18 r19 r20 r21 r22 r23 r24 r25 r26 r27 r28 r29 r30 r31 "
	.ascii	"f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25 f26 f27 f28 f29 f30 f31 "
	.asciz	"v20 v21 v22 v23 v24 v25 v26 v27 v28 v29 v30 v31 CR"

/* r3 = function, r4 = first, r5 = second, r6 = seed */
function call_with_patterns
	mflr	0
	std	0, 16(1)
	.cfi_rel_offset 65, 16
	mfcr	0
	stw	0, 8(1)
	.cfi_rel_offset 70, 8
	stdu	1, -FRAME(1)
	.cfi_adjust_cfa_offset FRAME
	std	2, 24(1)
	for_each save
	std	6, SEED(1)
	for_each fill
	rlwinm	0, 6, 28, 8, 19		/* bits of the seed, as fields 2 to 4 */
	stw	0, SEED + 8(1)
	mtcrf	0x38, 0
	mr	12, 3
	mtctr	12
	mr	3, 4
	mr	4, 5
	li	5, 0
	bctrl				/* r3 = first, r4 = second, r5 = 0 */
	ld	2, 24(1)
	ld	6, SEED(1)
	mfcr	9
	lwz	0, SEED + 8(1)
	xor	9, 9, 0
	li	3, 0
	for_each expect
	rlwinm.	9, 9, 0, 8, 19
	beq	1f
	li	10, 1
	sldi	10, 10, 48
	or	3, 3, 10
1:	for_each restore
	addi	1, 1, FRAME
	.cfi_adjust_cfa_offset -FRAME
	ld	0, 16(1)
	mtlr	0
	lwz	0, 8(1)
	mtcrf	0x38, 0
	blr
end_function call_with_patterns

function spoil
	for_each spoil_if
	cmpldi	3, 48
	bne	1f
	mfcr	0
	not	0, 0
	mtcrf	0x38, 0
1:	blr
end_function spoil

/* ELFv2 2.2.2.1: r1 is a multiple of 16. */
function wrong_at_entry
	andi.	3, 1, 15
	beqlr
	li	3, 1
	blr
end_function wrong_at_entry
