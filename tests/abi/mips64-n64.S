/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 7 are s0 to s7, 8 is gp, 9 is fp, 10 to 17 are
 * $f24 to $f31. */
#include "asm.h"

#define FRAME 176

	.abicalls
	.set	noat

/* Calls a macro with every register, its number, and its place in the frame. */
.macro for_each macro
	.irp n, 16, 17, 18, 19, 20, 21, 22, 23
	\macro	$\n, (\n - 16), (\n * 8 - 128)
	.endr
	\macro	$28, 8, 64
	\macro	$30, 9, 72
	.irp n, 24, 25, 26, 27, 28, 29, 30, 31
	\macro\()_double $f\n, (\n - 14), (\n * 8 - 104)
	.endr
.endm

.macro save register number at
	sd	\register, \at($29)
.endm
.macro save_double register number at
	sdc1	\register, \at($29)
.endm
.macro restore register number at
	ld	\register, \at($29)
.endm
.macro restore_double register number at
	ldc1	\register, \at($29)
.endm

/* $7 = seed */
.macro fill register number at
	daddiu	\register, $7, \number + 1
.endm
.macro fill_double register number at
	daddiu	$8, $7, \number + 1
	dmtc1	$8, \register
.endm

/* $7 = seed; $2 gets the bit */
.macro expect register number at
	daddiu	$8, $7, \number + 1
	xor	$8, $8, \register
	sltu	$8, $0, $8
	dsll	$8, $8, \number
	or	$2, $2, $8
.endm
.macro expect_double register number at
	dmfc1	$9, \register
	expect	$9, \number
.endm

/* $4 = number */
.macro spoil_if register number at
	li	$8, \number
	bne	$4, $8, .Lother\@
	nor	\register, \register, $0
.Lother\@:
.endm
.macro spoil_if_double register number at
	li	$8, \number
	bne	$4, $8, .Lother\@
	dmfc1	$8, \register
	nor	$8, $8, $0
	dmtc1	$8, \register
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.asciz	"s0 s1 s2 s3 s4 s5 s6 s7 gp fp f24 f25 f26 f27 f28 f29 f30 f31"

/* $4 = function, $5 = first, $6 = second, $7 = seed */
function call_with_patterns
	daddiu	$29, $29, -FRAME
	.cfi_adjust_cfa_offset FRAME
	sd	$31, 80($29)
	.cfi_rel_offset 31, 80
	for_each save
	sd	$7, 152($29)
	for_each fill
	move	$25, $4
	move	$4, $5
	move	$5, $6
	move	$6, $0
	jalr	$25			/* $4 = first, $5 = second, $6 = 0 */
	ld	$7, 152($29)
	move	$2, $0
	for_each expect
	for_each restore
	ld	$31, 80($29)
	.cfi_restore 31
	daddiu	$29, $29, FRAME
	.cfi_adjust_cfa_offset -FRAME
	jr	$31
end_function call_with_patterns

function spoil
	for_each spoil_if
	jr	$31
end_function spoil

/* N32 ABI Handbook, chapter 2: sp is a multiple of 16. */
function wrong_at_entry
	andi	$2, $29, 15
	sltu	$2, $0, $2
	jr	$31
end_function wrong_at_entry
