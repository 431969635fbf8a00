/* As in x86_64-sysv.S: see patterns.hpp. Numbers 0 to 10 are x19 to x29, 11 to 18 are d8 to d15. */
#include "asm.h"

#define FRAME 176

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

/* Calls a macro with every register and its number. */
.macro for_each macro
	.irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
	\macro	x\n, \n - 19
	.endr
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	\macro\()_double d\n, \n + 3
	.endr
.endm

/* x9 = seed */
.macro fill register number
	add	\register, x9, \number + 1
.endm
.macro fill_double register number
	add	x10, x9, \number + 1
	fmov	\register, x10
.endm

/* x9 = seed; x0 gets the bit */
.macro expect register number
	add	x10, x9, \number + 1
	cmp	x10, \register
	cset	x10, ne
	orr	x0, x0, x10, lsl \number
.endm
.macro expect_double register number
	fmov	x11, \register
	expect	x11, \number
.endm

/* x0 = number */
.macro spoil_if register number
	cmp	x0, \number
	b.ne	.Lother\@
	mvn	\register, \register
.Lother\@:
.endm
.macro spoil_if_double register number
	cmp	x0, \number
	b.ne	.Lother\@
	fmov	x10, \register
	mvn	x10, x10
	fmov	\register, x10
.Lother\@:
.endm

	.section .rodata
	.globl	callee_saved
	.hidden	callee_saved
callee_saved:
	.ascii	"x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 "
	.asciz	"d8 d9 d10 d11 d12 d13 d14 d15"

/* x0 = function, x1 = first, x2 = second, x3 = seed */
function call_with_patterns
	bti	c
	stp	x29, x30, [sp, -FRAME]!
	.cfi_adjust_cfa_offset FRAME
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
	str	x3, [sp, 160]
	mov	x9, x3
	for_each fill
	mov	x16, x0
	mov	x0, x1
	mov	x1, x2
	mov	x2, 0
	blr	x16			/* x0 = first, x1 = second, x2 = 0 */
	ldr	x9, [sp, 160]
	mov	x0, 0
	for_each expect
	restore_pair x19, x20, 16
	restore_pair x21, x22, 32
	restore_pair x23, x24, 48
	restore_pair x25, x26, 64
	restore_pair x27, x28, 80
	restore_pair d8, d9, 96
	restore_pair d10, d11, 112
	restore_pair d12, d13, 128
	restore_pair d14, d15, 144
	ldp	x29, x30, [sp], FRAME
	.cfi_adjust_cfa_offset -FRAME
	.cfi_restore x29
	.cfi_restore x30
	ret
end_function call_with_patterns

function spoil
	bti	c
	for_each spoil_if
	ret
end_function spoil

/* AAPCS64 6.4.5.1: sp is a multiple of 16. */
function wrong_at_entry
	bti	c
	mov	x1, sp
	tst	x1, 15
	cset	w0, ne
	ret
end_function wrong_at_entry
