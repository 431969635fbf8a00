/// The part of the ABI tests that is in assembly, tests/abi/CPU-ABI.S: what every port's does.
#pragma once

#include <cstdint>

extern "C" {
/// The names of the callee-saved registers, and of flags that the ABI gives a value, in the order
/// of their numbers; separated by spaces.
extern const char callee_saved[];

/// Calls function(first, second, 0) with every callee-saved register number n set to seed + n + 1.
/// Returns a bit, 1 << n, for each that came back changed. No frame of C++ is on the way.
std::uint64_t call_with_patterns(void (*function)(void*, void*, std::uintptr_t), void* first,
                                 void* second, std::uintptr_t seed);

/// Leaves the register of this number changed, in breach of the ABI.
void spoil(void* number, void*, std::uintptr_t);

/// What is not as the ABI wants it where a function is called: 1 the alignment of the stack, 2
/// flags.
unsigned wrong_at_entry();
}
