/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 11 are s0 to s11, 12 to 23 are fs0 to fs11. */
#include "asm.h"

#define FRAME 224

	.option arch, rv64gc

/* Calls a macro with every register, its number, and its place in the frame. */
.macro for_each macro
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\macro	s\n, \n, \n * 8 + 8
	\macro\()_double fs\n, \n + 12, \n * 8 + 104
	.endr
.endm

.macro save register number at
	sd	\register, \at(sp)
	.cfi_rel_offset \register, \at
.endm
.macro save_double register number at
	fsd	\register, \at(sp)
	.cfi_rel_offset \register, \at
.endm
.macro restore register number at
	ld	\register, \at(sp)
	.cfi_restore \register
.endm
.macro restore_double register number at
	fld	\register, \at(sp)
	.cfi_restore \register
.endm

/* a3 = seed */
.macro fill register number at
	addi	\register, a3, \number + 1
.endm
.macro fill_double register number at
	addi	t0, a3, \number + 1
	fmv.d.x	\register, t0
.endm

/* a3 = seed; a0 gets the bit */
.macro expect register number at
	addi	t0, a3, \number + 1
	xor	t0, t0, \register
	snez	t0, t0
	slli	t0, t0, \number
	or	a0, a0, t0
.endm
.macro expect_double register number at
	fmv.x.d	t1, \register
	expect	t1, \number
.endm

/* a0 = number */
.macro spoil_if register number at
	li	t0, \number
	bne	t0, a0, .Lother\@
	not	\register, \register
.Lother\@:
.endm
.macro spoil_if_double register number at
	li	t0, \number
	bne	t0, a0, .Lother\@
	fmv.x.d	t0, \register
	not	t0, t0
	fmv.d.x	\register, t0
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.ascii	"s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
	.asciz	"fs0 fs1 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11"

/* a0 = function, a1 = first, a2 = second, a3 = seed */
function call_with_patterns
	addi	sp, sp, -FRAME
	.cfi_adjust_cfa_offset FRAME
	save	ra, none, 0
	for_each save
	sd	a3, 200(sp)
	for_each fill
	mv	t0, a0
	mv	a0, a1
	mv	a1, a2
	li	a2, 0
	jalr	t0			/* a0 = first, a1 = second, a2 = 0 */
	ld	a3, 200(sp)
	li	a0, 0
	for_each expect
	for_each restore
	restore	ra, none, 0
	addi	sp, sp, FRAME
	.cfi_adjust_cfa_offset -FRAME
	ret
end_function call_with_patterns

function spoil
	for_each spoil_if
	ret
end_function spoil

/* psABI, "Integer Calling Convention": sp is a multiple of 16. */
function wrong_at_entry
	andi	a0, sp, 15
	snez	a0, a0
	ret
end_function wrong_at_entry
