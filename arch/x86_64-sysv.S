/* x86-64, System V ABI. This is the reference port: the others explain only how they differ.
 *
 * A switch leaves one greenlet for another. It stores where the one will go on, as {sp, ip}, and takes
 * {sp, ip} of the other; the rest is what makes that a function call to both. Of what the ABI calls
 * callee-saved (psABI 3.2.1), offshoot_switch pushes the six integer registers. MXCSR's control bits and
 * the x87 control word are callee-saved by the letter, but belong to the thread, and are switched in C++
 * for the few greenlets that asked for their own.
 *
 * A greenlet waits in one of four ways; whoever switches to it sees no difference:
 *
 *      in offshoot_switch     in its inline form      fresh                  its bytes not in place
 *      ------------------     ------------------      -----                  ----------------------
 *      |  frames of |         |  frames of |          <- stop and sp,           sp = the thread's
 *      |  the run   | <- stop |  the run   | <- stop     16-aligned                transfer stack,
 *      |  function  |         |  function, |                                       which is empty
 *      |    ...     |         |  with what |
 *      |    rip     | caller  |  its       |
 *      |    rbp     |         |  compiler  |
 *      |    rbx     |         |  has       |
 *      |    r12     |         |  spilled   | <- sp
 *      |    r13     |
 *      |    r14     |
 *      |    r15     | <- sp
 *
 *      ip = offshoot_wake     ip = behind its jump    ip = offshoot_start    ip = offshoot_fetch
 *                             kept = rbp, rbx         kept = 0, -
 *
 * The jump is always made with
 *
 *      rdi = to    rsi = from    eax = what to's switch returns    rcx = where from will go on
 *      rsp, rbp and rbx as to's context has them
 *
 * and everything else is free. The inline form is in include/offshoot/detail/switch_x86_64.hpp.
 *
 * Before anything is stored, one unsigned comparison asks whether the lowest byte that the switch will
 * write lies in [floor, floor + extent). That is the C++ side's one question, answered at the only
 * place where the stack pointer is exactly known: is this really from's stack (and not, say, the
 * alternate stack of a signal handler), and is there room in from's slice for all its bytes?
 *
 * The 128 bytes below rsp (the red zone, psABI 3.2.2) belong to the function that runs, if it is a leaf.
 * Whoever switches calls a function, or has code that does: its red zone is not in use.
 *
 * Indirect branch tracking: the file is marked IBT. Only offshoot_switch is called from elsewhere, so
 * only it bears an endbr64; the jumps of switches are notrack. Nothing here is marked SHSTK: a return
 * address that moves with its slice would need a shadow stack that is switched too.
 */
#include "asm.h"

#define PUSHED 48

/* LLVM's assembler does not bring the offset back that later adjustments count from. */
.macro restore_state offset
	.cfi_restore_state
	.cfi_def_cfa_offset \offset
.endm

.macro push_callee_saved register
	push	\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
.endm

.macro pop_callee_saved register
	pop	\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
.endm

/* rdi = to. Once its stack pointer is loaded, whoever unwinds finds the caller by way of rdi: at ip,
 * with sp, rbp and rbx as they are about to be. */
.macro go_to_target
	mov	SP(%rdi), %rsp
	.cfi_escape 0x0f, 3, 0x75, SP, 0x06	/* DW_CFA_def_cfa_expression: *(rdi + SP) */
	.cfi_escape 0x10, 16, 2, 0x75, IP	/* DW_CFA_expression: rip at rdi + IP */
	.cfi_escape 0x10, 6, 2, 0x75, KEPT	/* rbp */
	.cfi_escape 0x10, 3, 2, 0x75, KEPT + 8	/* rbx */
	.cfi_undefined %r12			/* whoever waits has no use for them */
	.cfi_undefined %r13
	.cfi_undefined %r14
	.cfi_undefined %r15
	mov	KEPT(%rdi), %rbp
	mov	KEPT + 8(%rdi), %rbx
	notrack jmp *IP(%rdi)
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * rdi = to, rsi = from, edx = with */
function offshoot_switch protected
	endbr64
	lea	-PUSHED(%rsp), %rcx
	mov	%rcx, %rax
	sub	FLOOR(%rsi), %rax
	cmp	EXTENT(%rsi), %rax
	mov	%rcx, SP(%rsi)			/* refused, it is what tells how much was wanted */
	jae	1f
	.cfi_remember_state
	mov	%edx, %eax
	mov	(%rsp), %rcx			/* where from will go on */
	push_callee_saved %rbp
	push_callee_saved %rbx
	push_callee_saved %r12
	push_callee_saved %r13
	push_callee_saved %r14
	push_callee_saved %r15
	lea	offshoot_wake(%rip), %rdx
	mov	%rdx, IP(%rsi)			/* stored before any is loaded: from and to may be the same */
	.cfi_remember_state
	go_to_target
	restore_state 56
	nop					/* an unwinder looks up the byte before a return address */
offshoot_wake:
	pop_callee_saved %r15
	pop_callee_saved %r14
	pop_callee_saved %r13
	pop_callee_saved %r12
	pop_callee_saved %rbx
	pop_callee_saved %rbp
	/* A processor predicts where `ret` goes by counting calls, and is right only if to waits where
	 * from does. Where it does not, an indirect jump has a history to predict by. */
	cmp	(%rsp), %rcx
	jne	2f
	ret
2:	add	$8, %rsp
	.cfi_adjust_cfa_offset -8		/* the address is where it was, in the red zone now */
	notrack jmp *-8(%rsp)
	restore_state 8
1:	mov	$REFUSED, %eax
	ret
end_function offshoot_switch

/* On the transfer stack; registers as after every switch. Bytes of both from and to may move: that is
 * done in C++ by offshoot_move(to, from), with nothing alive below the stack pointer when a signal
 * arrives. The callee-saved registers are free: from has stored its own. */
landing offshoot_fetch %rip
	mov	%rdi, %r12
	mov	%rcx, %r13
	mov	%eax, %r14d
	call	offshoot_move
	mov	%r12, %rdi
	mov	%r13, %rcx
	mov	%r14d, %eax
	go_to_target
end_function offshoot_fetch

/* On a fresh stack. An unwinder stops here, so an exception that nobody catches terminates with the
 * stack intact. */
landing offshoot_start %rip
	call	offshoot_enter
	mov	%rax, %rdi
	mov	%rdx, %rsi
	xor	%eax, %eax
	test	%rdx, %rdx
	setne	%al				/* QUIET if from is null, else LADEN */
	xor	%ecx, %ecx			/* it will go on nowhere */
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * rdi = from, rsi = visit, rdx = with
 *
 * What runs here was, by its unwind information, called from where `from` goes on, with the registers
 * that `from` has. */
function offshoot_unwind
	endbr64
	push_callee_saved %rbx
	mov	%rdi, %rbx
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	.cfi_remember_state
	.cfi_escape 0x0f, 3, 0x73, SP, 0x06	/* DW_CFA_def_cfa_expression: *(rbx + SP) */
	.cfi_escape 0x10, 16, 2, 0x73, IP	/* DW_CFA_expression: rip at rbx + IP */
	.cfi_escape 0x10, 6, 2, 0x73, KEPT	/* rbp */
	.cfi_escape 0x10, 3, 2, 0x73, KEPT + 8	/* rbx */
	call	_Unwind_Backtrace@PLT
		restore_state 16
	pop_callee_saved %rbx
	ret
end_function offshoot_unwind

/* x86 feature note (psABI, "Program Property"): IBT, and not SHSTK. */
	.section .note.gnu.property, "a"
	.p2align 3
	.long	4			/* length of "GNU\0" */
	.long	16			/* length of the property below */
	.long	5			/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.long	0xc0000002		/* GNU_PROPERTY_X86_FEATURE_1_AND */
	.long	4
	.long	1			/* bit 0: IBT */
	.long	0
