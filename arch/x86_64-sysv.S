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
 * Indirect branch tracking: the entries bear endbr64 and the file is marked IBT. Nothing
 * here is marked SHSTK: a return address that moves with its slice would need a shadow stack that
 * is switched too.
 */
#include "asm.h"

#define SP 0
#define FLOOR 8
#define EXTENT 16
#define SLOT 24
#define PUSHED 48

/* rdi = from. Leaves the would-be stack pointer in rax, spoils rcx; branches to \refused. */
.macro check_room refused
	lea	-PUSHED(%rsp), %rax
	mov	%rax, %rcx
	sub	FLOOR(%rdi), %rcx
	cmp	EXTENT(%rdi), %rcx
	jae	\refused
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

/* Refused: rdi = from, rdx = slot, rax = what the stack pointer would have been, for whoever makes
 * room. With a slot nobody waits for our answer, and offshoot_refused(from, to, slot) goes on. */
.macro refuse
	mov	%rax, SP(%rdi)
	test	%rdx, %rdx
	jnz	offshoot_refused
	mov	$1, %eax
	ret
.endm

/* rsi = to, whose stack pointer is loaded. Something may have come with the switch: one that waits
 * with a slot goes on in offshoot_arrive(slot) as if that was what it had called. */
.macro resume
	mov	SLOT(%rsi), %rdi
	pop_callee_saved
	test	%rdi, %rdi
	jnz	offshoot_arrive
	xor	%eax, %eax
	ret
.endm

/* void offshoot_pass(context* from, context* to, void* slot)
 * The hot path: to is in place and nothing comes with the switch. rdi = from, rsi = to, rdx = slot.
 * A processor predicts where `ret` goes by counting calls, and is right only if to waits where from
 * does. Where it does not, an indirect jump has a history to predict by. */
function offshoot_pass
	endbr64
	check_room 2f
	mov	(%rsp), %rcx		/* where from will go on */
	push_callee_saved
	mov	%rdx, SLOT(%rdi)
	mov	%rsp, SP(%rdi)		/* stored first: from and to may be the same */
	mov	SP(%rsi), %rsp		/* the same layout at another address: the CFI stays true */
	pop_callee_saved
	xor	%eax, %eax		/* to may wait in a switch without a slot */
	cmp	(%rsp), %rcx
	jne	1f
	ret
1:	pop	%rcx
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rcx
	notrack jmp *%rcx		/* a return address bears no endbr64 */
	.cfi_adjust_cfa_offset 8
	.cfi_restore %rip
2:	refuse
end_function offshoot_pass

/* int offshoot_switch(context* from, context* to, void* slot)
 * The same if something may come with the switch, or from waits without a slot: rdx = slot or 0. */
function offshoot_switch
	endbr64
	check_room 1f
	push_callee_saved
	mov	%rdx, SLOT(%rdi)
	mov	%rsp, SP(%rdi)
	mov	SP(%rsi), %rsp
	.cfi_remember_state
	resume
	.cfi_restore_state
	.cfi_def_cfa_offset 8
1:	refuse
end_function offshoot_switch

/* int offshoot_switch_via(context* from, context* to, void* slot, void* transfer_stack_top)
 * rdi = from, rsi = to, rdx = slot or 0, rcx = 16-aligned top of the thread's transfer stack.
 * Between leaving from and entering to, bytes of both may move: that is done in C++ by
 * offshoot_move(from, to), on the transfer stack, so that nothing live is below the stack pointer
 * when a signal arrives. */
function offshoot_switch_via
	endbr64
	mov	%rcx, %r8
	check_room 1f
	push_callee_saved
	mov	%rdx, SLOT(%rdi)
	mov	%rsp, SP(%rdi)
	.cfi_remember_state
	mov	%r8, %rsp		/* from's registers are all in its stack: r12 is ours now */
	.cfi_undefined %rip		/* nobody called what runs here */
	mov	%rsi, %r12
	call	offshoot_move		/* rdi = from, rsi = to still */
	mov	%r12, %rsi		/* callee-saved, so the call kept it */
	mov	SP(%rsi), %rsp
	.cfi_restore_state
	resume
1:	refuse
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
