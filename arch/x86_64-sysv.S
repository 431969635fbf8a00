/* x86-64, System V ABI. This is the reference port: the others explain only how they differ.
 *
 * A switch leaves one greenlet for another. It pushes the six registers that the ABI calls
 * callee-saved (psABI 3.2.1), remembers the stack pointer, takes the other's stack pointer, pops
 * the other's six registers and returns to where the other stood. All else is either dead across
 * a call or belongs to the thread: MXCSR's control bits and the x87 control word are callee-saved
 * by the letter, and are switched in C++ for the few greenlets that asked for their own.
 *
 * The stack of a greenlet, high addresses at the top:
 *
 *      suspended                      running                    fresh
 *      ---------                      -------                    -----
 *      |  frames of |  <- stop        |  frames of |  <- stop    |   0   |  <- stop, 16-aligned
 *      |  the run   |                 |  the run   |             |   0   |
 *      |  function  |                 |  function  |             |  rip  |  offshoot_start
 *      |    ...     |                 |    ...     |             |  rbp  |  0: frame chains end
 *      |    rip     |  our caller     |    ...     |  <- rsp     |  rbx  |
 *      |    rbp     |                                            |  r12  |
 *      |    rbx     |                                            |  r13  |  the greenlet
 *      |    r12     |                                            |  r14  |
 *      |    r13     |                                            |  r15  |  <- sp
 *      |    r14     |
 *      |    r15     |  <- sp
 *
 * `fresh` is struct first_frame in x86_64-sysv.hpp. Popping it leaves rsp at stop - 16 in
 * offshoot_start, so that the call there finds the stack aligned as psABI 3.2.2 asks.
 *
 * Before anything is pushed, one unsigned comparison asks whether the lowest byte that the switch
 * will write lies in [floor, floor + extent). That is the C++ side's one question, answered at the
 * only place where the stack pointer is exactly known: is this really from's stack (and not, say,
 * the alternate stack of a signal handler), and is there room in from's slice for all its bytes?
 *
 * The 128 bytes below rsp (the red zone, psABI 3.2.2) belong to the function that runs. All
 * switches are entered by a call, so no caller's red zone is live.
 *
 * Indirect branch tracking: the file is marked IBT. The switches are hidden and only ever called
 * directly, so only the trampoline bears an endbr64. Nothing here is marked SHSTK: a return address that moves with its slice would need a shadow stack that
 * is switched too.
 */
#include "asm.h"

#define SP 0
#define FLOOR 8
#define EXTENT 16
#define SLOT 24
#define PUSHED 48

/* All three switches: rdi = to, rsi = slot or 0, rdx = from. So a C++ function that got its target and
 * its payload in this order passes them on where they are. */

/* Spoils rax; branches to \refused. */
.macro check_room refused
	lea	-PUSHED(%rsp), %rax
	sub	FLOOR(%rdx), %rax
	cmp	EXTENT(%rdx), %rax
	jae	\refused
.endm

/* LLVM's assembler does not bring the offset back that later adjustments count from. */
.macro restore_state offset
	.cfi_restore_state
	.cfi_def_cfa_offset \offset
.endm

.macro push_callee_saved
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	push	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	push	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	push	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
.endm

.macro pop_callee_saved
	pop	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	pop	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	pop	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	pop	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
.endm

/* Refused: from.sp tells what the stack pointer would have been, for whoever makes room. With a slot
 * nobody waits for our answer, and offshoot_refused(to, slot, from) goes on; without one, from.slot
 * is the answer. */
.macro refuse
	lea	-PUSHED(%rsp), %rax
	mov	%rax, SP(%rdx)
	test	%rsi, %rsi
	jnz	offshoot_refused
	movq	$-1, SLOT(%rdx)
	ret
.endm

/* to's registers are back and rsp points to where it goes on; rcx = where from will go on. A processor
 * predicts where `ret` goes by counting calls, and is right only if to waits where from does. Where
 * it does not, an indirect jump has a history to predict by. */
.macro go_on
	cmp	(%rsp), %rcx
	jne	9f
	ret
9:	add	$8, %rsp
	.cfi_adjust_cfa_offset -8	/* the return address is where it was, in the red zone now */
	notrack jmp *-8(%rsp)		/* a return address bears no endbr64 */
	.cfi_adjust_cfa_offset 8
.endm

/* rdi = to, whose stack pointer is loaded. Something has come with the switch: one that waits with a
 * slot goes on in offshoot_arrive(slot) as if that was what it had called. */
.macro go_on_arriving
	mov	SLOT(%rdi), %rdi
	pop_callee_saved
	test	%rdi, %rdi
	jnz	offshoot_arrive
	ret
.endm

/* void offshoot_pass(context* to, void* slot, context* from)
 * The hot path: to is in place and nothing comes with the switch. */
function offshoot_pass
	check_room 1f
	mov	(%rsp), %rcx		/* where from will go on */
	push_callee_saved
	mov	%rsi, SLOT(%rdx)
	mov	%rsp, SP(%rdx)		/* stored first: from and to may be the same */
	mov	SP(%rdi), %rsp		/* the same layout at another address: the CFI stays true */
	pop_callee_saved
	go_on
1:	refuse
end_function offshoot_pass

/* void offshoot_switch(context* to, void* slot, context* from)
 * The same if something may come with the switch, or from waits without a slot. */
function offshoot_switch
	check_room 1f
	.cfi_remember_state
	push_callee_saved
	mov	%rsi, SLOT(%rdx)
	mov	%rsp, SP(%rdx)
	mov	SP(%rdi), %rsp
	go_on_arriving
	restore_state 8
1:	refuse
end_function offshoot_switch

/* void offshoot_switch_via(context* to, void* slot, context* from, void* transfer_stack_top,
 *                          unsigned arrivals)
 * rcx = 16-aligned top of the thread's transfer stack, r8d = whether anything comes with the switch.
 * Between leaving from and entering to, bytes of both may move: that is done in C++ by
 * offshoot_move(to, from), on the transfer stack, so that nothing live is below the stack pointer when
 * a signal arrives. */
function offshoot_switch_via
	check_room 2f
	.cfi_remember_state
	mov	(%rsp), %rax		/* where from will go on */
	push_callee_saved
	mov	%rsi, SLOT(%rdx)
	mov	%rsp, SP(%rdx)
	.cfi_remember_state
	mov	%rcx, %rsp
	.cfi_undefined %rip		/* nobody called what runs here */
	mov	%rdi, %r12		/* from's registers are all in its stack: these are ours now, */
	mov	%rax, %r13		/* and callee-saved, so the call keeps them */
	mov	%r8d, %r14d
	mov	%rdx, %rsi
	call	offshoot_move		/* rdi = to, rsi = from */
	mov	%r12, %rdi
	mov	%r13, %rcx
	mov	SP(%rdi), %rsp
	restore_state 56
	.cfi_remember_state
	test	%r14d, %r14d
	jnz	1f
	pop_callee_saved
	go_on
	restore_state 56
1:	go_on_arriving
	restore_state 8
2:	refuse
end_function offshoot_switch_via

/* Where the first frame returns to: r13 = the greenlet. The return address is marked undefined, so
 * an unwinder stops here and an exception that nobody catches terminates with the stack intact. */
function offshoot_start
	.cfi_undefined %rip
	endbr64
	mov	%r13, %rdi
	call	offshoot_enter
	ud2				/* offshoot_enter never returns */
end_function offshoot_start

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
