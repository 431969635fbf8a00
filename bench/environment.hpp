/// Where and how the figures are made: said by every run, and settled before it.
#pragma once

#include <cstddef>
#include <string>

namespace bench {

std::string cpu_name();
std::string compiler_name();
/// As meson calls it, with the option that tells whether assertions are compiled in.
std::string build_type();
/// Whether figures of this build mean anything.
bool optimised();

/// Stays on the processor it runs on, as will all threads made from here on. Returns its number, or
/// -1 if the system does not let us.
int pin_to_one_core();

/// Bytes of this process that are in memory now, with its page tables.
std::size_t resident_bytes();

}  // namespace bench
