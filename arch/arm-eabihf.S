/* 32-bit ARM, EABI, hard-float. Only what differs from x86_64-sysv.S is explained here.
 *
 * Callee-saved (AAPCS32 6.1.1, 6.1.2) are r4 to r11 and d8 to d15; sp is the context's. lr is where from
 * will go on. FPSCR belongs to the thread. There is no red zone; sp is 8-aligned where functions are called.
 *
 * A greenlet waits in offshoot_switch like this; there is no inline form:
 *
 *      |  frames of the run function  | <- stop
 *      |  lr                          | 96
 *      |  r4 ... r11                  | 64
 *      |  d8 ... d15                  | 0    <- sp
 *
 * The jump is always made with
 *
 *      r0 = to    r1 = from    r2 = what to's switch returns    sp = to's
 *
 * and everything else is free: where from will go on is in from's own frame. This is ARM code; bit 0 of
 * an address tells of Thumb code, and jumps and calls heed it.
 *
 * Exceptions are unwound by the tables of the EHABI, which tell of a function's frame and not of each
 * instruction. What is said of offshoot_switch holds from the jump back to offshoot_wake.
 */
#include "asm.h"

#define SAVED 100

	.syntax unified
	.arm
	.fpu vfpv3-d16

/* r0 = to */
.macro go_to_target
	ldr	r12, [r0, #IP]
	ldr	sp, [r0, #SP]
	bx	r12
.endm

/* passage offshoot_switch(context* to, context* from, passage with)
 * r0 = to, r1 = from, r2 = with */
function offshoot_switch protected
	ldr	r3, [r1, #FLOOR]
	sub	r12, sp, #SAVED
	str	r12, [r1, #SP]
	sub	r12, r12, r3
	ldr	r3, [r1, #EXTENT]
	cmp	r12, r3
	movhs	r0, #REFUSED
	bxhs	lr
	push	{r4-r11, lr}
	.save	{r4-r11, lr}
	.cfi_adjust_cfa_offset 36
	.cfi_rel_offset r4, 0
	.cfi_rel_offset r5, 4
	.cfi_rel_offset r6, 8
	.cfi_rel_offset r7, 12
	.cfi_rel_offset r8, 16
	.cfi_rel_offset r9, 20
	.cfi_rel_offset r10, 24
	.cfi_rel_offset r11, 28
	.cfi_rel_offset lr, 32
	vpush	{d8-d15}
	.vsave	{d8-d15}
	.cfi_adjust_cfa_offset 64
	adr	r3, offshoot_wake
	str	r3, [r1, #IP]
	go_to_target
	nop
offshoot_wake:
	mov	r0, r2
	vpop	{d8-d15}
	.cfi_adjust_cfa_offset -64
	pop	{r4-r11, pc}			/* r0 = what was given */
end_function offshoot_switch

/* On the transfer stack: r0 = to, r1 = from, r2 = with. */
landing offshoot_fetch lr
	mov	r4, r0
	mov	r5, r2
	bl	offshoot_move			/* r0 = to, r1 = from */
	mov	r0, r4
	mov	r2, r5
	go_to_target
end_function offshoot_fetch

/* On a fresh stack; all registers are free. */
landing offshoot_start lr
	mov	r11, #0				/* ends the chain of frame pointers */
	mov	r0, sp				/* a struct is returned in memory: first_frame's */
	bl	offshoot_enter
	pop	{r0, r1}
	subs	r2, r1, #0
	it	ne
	movne	r2, #LADEN
	go_to_target
end_function offshoot_start

/* void offshoot_unwind(const context* from, _Unwind_Trace_Fn visit, void* with)
 * r0 = from, r1 = visit, r2 = with
 *
 * The tables of the EHABI tell which registers are taken from the stack: what is there is a frame that
 * `from` seems to have made by pushing r7, r11, sp and its ip. */
function offshoot_unwind
	push	{r4, lr}
	ldr	r3, [r0, #IP]
	push	{r3}
	ldr	r3, [r0, #SP]
	push	{r3}
	ldr	r3, [r0, #KEPT]
	push	{r3}
	ldr	r3, [r0, #KEPT + 4]
	push	{r3}
	.save	{r7, r11, sp, lr}
	mov	r0, r1
	mov	r1, r2
	bl	_Unwind_Backtrace(PLT)		/* r0 = visit, r1 = with */
	add	sp, sp, #16
	pop	{r4, pc}
end_function offshoot_unwind
