/// What the hub knows of fork(): which process it is in. Kernel objects that it made before a fork
/// are shared with the parent: whatever the child did to them, the parent would feel.
#pragma once

namespace offshoot::detail {

/// Has forks counted from now on, and the hub of the thread that forks told in the child. Throws
/// std::bad_alloc.
void watch_forks();

/// How many forks lie between the process that called watch_forks() first and this one.
unsigned forks() noexcept;

}  // namespace offshoot::detail
