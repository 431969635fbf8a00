/// The part of bytes.cpp that runs in a process of its own.
#pragma once

namespace bench {

/// Makes `count` of what `name` says and prints how many bytes each takes. Returns the exit code.
int print_bytes(const char* name, const char* count);

}  // namespace bench
