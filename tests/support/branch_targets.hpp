/// aarch64's BTI for a test program's own code: an indirect branch to anything but a landing pad is
/// fatal. The kernel sees to it where all of a program is marked, which libc's startup files are
/// not; so it ends before those have their turn again, at the exit.
#pragma once

#ifdef __ARM_FEATURE_BTI_DEFAULT
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace test {

#ifdef __ARM_FEATURE_BTI_DEFAULT

template <int Access>
int protect_code(dl_phdr_info* program, std::size_t /*size*/, void* /*none*/) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int each = 0; each < program->dlpi_phnum; ++each) {
    const auto& segment = program->dlpi_phdr[each];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const std::uintptr_t begin = program->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t first = begin / page * page;
    if (mprotect(reinterpret_cast<void*>(first), begin + segment.p_memsz - first, Access) != 0) {
      std::perror("the program's code");
      std::abort();
    }
  }
  return 1;  // no further: the program itself is the first
}

inline void check_branch_targets() {
  constexpr int prot_bti = 0x10;  // that CPU's asm/mman.h
  dl_iterate_phdr(&protect_code<PROT_READ | PROT_EXEC | prot_bti>, nullptr);
  std::atexit([] { dl_iterate_phdr(&protect_code<PROT_READ | PROT_EXEC>, nullptr); });
}

#else

inline void check_branch_targets() {}

#endif

}  // namespace test
