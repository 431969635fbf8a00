/* What every .S in this folder says around a function, once: section, alignment, hidden
 * visibility, type, unwind information and size. Included by assembly only. */

.macro function name
	.text
	.p2align 4
	.globl \name
	.hidden \name
	.type \name, %function
\name:
	.cfi_startproc
.endm

.macro end_function name
	.cfi_endproc
	.size \name, . - \name
.endm

.section .note.GNU-stack, "", %progbits
