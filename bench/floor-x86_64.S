/* The least that a switch between two stacks can be on x86-64: the six callee-saved integer registers
 * and the stack pointer. Nothing is checked and nothing else is kept; no unwinder finds its way. */
#include "asm.h"

/* rdi = where from's stack pointer goes, rsi = to's stack pointer. rdi is left as it is: a fresh one's
 * entry finds there where whoever has started it waits. */
.macro exchange_six_registers
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
.endm

/* void bench_six_registers(void** from, void* to) */
function bench_six_registers
	exchange_six_registers
	ret
end_function bench_six_registers

/* The same, but left by a jump: a return to another place than the last call's is mispredicted. */
function bench_six_registers_jump
	exchange_six_registers
	pop	%rcx
	jmp	*%rcx
end_function bench_six_registers_jump
