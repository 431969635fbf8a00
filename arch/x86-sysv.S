/* i386, System V ABI. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (psABI 2.2.1) are ebx, esi, edi and ebp; esp is the context's. There is no red zone.
 * Arguments are on the stack, and a program counter cannot be addressed by.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  eip                         | 16
 *      |  ebp                         | 12
 *      |  ebx                         | 8
 *      |  esi                         | 4
 *      |  edi                         | 0    <- esp
 *
 * The jump is always made with
 *
 *      ecx = to    edx = from    eax = what to's switch returns    esp = to's
 *
 * and everything else is free: where from will go on is in from's own frame.
 */
#include "asm.h"

#define PUSHED 16

.macro push_callee_saved register
	push	\register
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset \register, 0
.endm

.macro pop_callee_saved register
	pop	\register
	.cfi_adjust_cfa_offset -4
	.cfi_restore \register
.endm

/* ecx = to. While esp is to's and the jump is not made, whoever unwinds finds the caller by way of ecx. */
.macro go_to_target
	mov	SP(%ecx), %esp
	.cfi_escape 0x0f, 3, 0x71, SP, 0x06	/* DW_CFA_def_cfa_expression: *(ecx + SP) */
	.cfi_escape 0x10, 8, 2, 0x71, IP	/* DW_CFA_expression: eip at ecx + IP */
	.cfi_undefined %ebx			/* whoever waits has no use for them */
	.cfi_undefined %esi
	.cfi_undefined %edi
	.cfi_undefined %ebp
	notrack jmp *IP(%ecx)
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * 4(%esp) = to, 8(%esp) = from, 12(%esp) = with */
function offshoot_switch protected
	endbr32
	mov	4(%esp), %ecx
	mov	8(%esp), %edx
	lea	-PUSHED(%esp), %eax
	mov	%eax, SP(%edx)
	sub	FLOOR(%edx), %eax
	cmp	EXTENT(%edx), %eax
	jae	1f
	.cfi_remember_state
	mov	12(%esp), %eax
	push_callee_saved %ebp
	call	return_address_in_ebp		/* above the lowest byte that is checked for */
2:	add	$offshoot_wake - 2b, %ebp
	mov	%ebp, IP(%edx)
	push_callee_saved %ebx
	push_callee_saved %esi
	push_callee_saved %edi
	.cfi_remember_state
	go_to_target
	.cfi_restore_state
	.cfi_def_cfa_offset PUSHED + 4
	nop
offshoot_wake:
	pop_callee_saved %edi
	pop_callee_saved %esi
	pop_callee_saved %ebx
	pop_callee_saved %ebp
	ret					/* eax = what was given */
	.cfi_restore_state
	.cfi_def_cfa_offset 4
1:	mov	$REFUSED, %eax
	ret
end_function offshoot_switch

function return_address_in_ebp
	mov	(%esp), %ebp
	ret
end_function return_address_in_ebp

/* On the transfer stack: ecx = to, edx = from, eax = with. */
landing offshoot_fetch %eip
	mov	%ecx, %esi
	mov	%eax, %edi
	sub	$16, %esp
	mov	%ecx, (%esp)
	mov	%edx, 4(%esp)
	call	offshoot_move			/* (%esp) = to, 4(%esp) = from */
	mov	%esi, %ecx
	mov	%edi, %eax
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. */
landing offshoot_start %eip
	xor	%ebp, %ebp			/* ends the chain of frame pointers */
	sub	$16, %esp
	lea	16(%esp), %eax			/* a struct is returned in memory: first_frame's */
	mov	%eax, (%esp)
	call	offshoot_enter			/* which pops the address */
	mov	12(%esp), %ecx
	mov	16(%esp), %edx
	xor	%eax, %eax
	test	%edx, %edx
	setne	%al
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * On the stack: from, visit, with. The call goes by the procedure linkage table, which wants ebx. */
function offshoot_unwind
	endbr32
	push_callee_saved %esi
	push_callee_saved %ebx
	sub	$20, %esp
	.cfi_adjust_cfa_offset 20
	mov	32(%esp), %esi
	mov	36(%esp), %eax
	mov	%eax, (%esp)
	mov	40(%esp), %eax
	mov	%eax, 4(%esp)
	call	return_address_in_ebx
	add	$_GLOBAL_OFFSET_TABLE_, %ebx
	.cfi_remember_state
	.cfi_escape 0x0f, 3, 0x76, SP, 0x06	/* DW_CFA_def_cfa_expression: *(esi + SP) */
	.cfi_escape 0x10, 8, 2, 0x76, IP	/* DW_CFA_expression: eip at esi + IP */
	.cfi_escape 0x10, 5, 2, 0x76, KEPT	/* ebp */
	.cfi_escape 0x10, 3, 2, 0x76, KEPT + 4	/* ebx */
	call	_Unwind_Backtrace@PLT		/* on the stack: visit, with */
	.cfi_restore_state
	.cfi_def_cfa_offset 32
	add	$20, %esp
	.cfi_adjust_cfa_offset -20
	pop_callee_saved %ebx
	pop_callee_saved %esi
	ret
end_function offshoot_unwind

function return_address_in_ebx
	mov	(%esp), %ebx
	ret
end_function return_address_in_ebx

/* x86 feature note: IBT, and not SHSTK. */
	.section .note.gnu.property, "a"
	.p2align 2
	.long	4			/* length of "GNU\0" */
	.long	12			/* length of the property below */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1			/* bit 0: IBT */
