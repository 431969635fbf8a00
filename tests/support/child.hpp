/// What a forked child does and finds is told by its exit status: doctest runs in the parent.
#pragma once

#include <utility>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// The exit status of a child that does `work`; a signal counts as 1000 and more. The caller's
/// thread stands still meanwhile.
template <class F>
int in_child(F&& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int status = 99;
    try {
      status = std::forward<F>(work)();
    } catch (...) {
    }
    _exit(status);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace test
