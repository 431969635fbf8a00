/* clang-format off */

/* What every .S in this folder says around a function, once: section, alignment, visibility, type,
 * unwind information and size. Included by assembly only. */

.macro function name visibility=hidden
	.text
	.p2align 4
	.globl \name
	.\visibility \name
	.type \name, %function
\name:
	.cfi_startproc
.endm

/* Where switches lead to and no call: unwinding ends, since the register of the return address has no
 * value. An unwinder looks up the byte before: there is one. */
.macro landing name return_address
	.text
	.p2align 4
	.globl \name
	.hidden \name
	.type \name, %function
	.cfi_startproc
	.cfi_undefined \return_address
	nop
\name:
.endm

.macro end_function name
	.cfi_endproc
	.size \name, . - \name
.endm

.section .note.GNU-stack, "", %progbits
