/* clang-format off */

/* What every .S in this folder needs, once: where things lie in a context, and what is said around a
 * function (section, alignment, visibility, type, unwind information and size). Included by assembly only. */

/* Of a context (include/offshoot/detail/heads.hpp), in bytes. */
#if __SIZEOF_POINTER__ == 8
#define SP 0
#define IP 8
#define KEPT 16
#define FLOOR 32
#define EXTENT 40
#else
#define SP 0
#define IP 4
#define KEPT 8
#define FLOOR 16
#define EXTENT 20
#endif
/* Of a passage. */
#define QUIET 0
#define LADEN 1
#define REFUSED 2

#ifdef __ARM_EABI__
/* Its C++ runtime reads the tables of the EHABI; the directives of others serve debuggers. */
	.cfi_sections .debug_frame
.macro open_unwind_table
	.fnstart
.endm
.macro no_way_up
	.cantunwind
.endm
.macro close_unwind_table
	.fnend
.endm
#else
.macro open_unwind_table
.endm
.macro no_way_up
.endm
.macro close_unwind_table
.endm
#endif

/* Where a function's code begins and ends, for whoever has to know whether a signal came in it. */
.macro mark label
	.globl \label
	.hidden \label
\label:
.endm

.macro function name visibility=hidden
	.text
	.p2align 4
	.globl \name
	.\visibility \name
	.type \name, %function
	mark \name\()_begin
\name:
	open_unwind_table
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
	open_unwind_table
	no_way_up
	.cfi_startproc
	.cfi_undefined \return_address
	nop
	mark \name\()_begin
\name:
.endm

.macro end_function name
	.cfi_endproc
	close_unwind_table
	.size \name, . - \name
	mark \name\()_end
.endm

.section .note.GNU-stack, "", %progbits
