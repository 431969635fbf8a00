#include "hub/forks.hpp"

#include <atomic>
#include <new>

#include <pthread.h>

#include "hub/scheduler.hpp"

namespace offshoot::detail {
namespace {

std::atomic<unsigned> counted{0};

void in_child() {
  counted.fetch_add(1, std::memory_order_relaxed);
  if (scheduler* const here = scheduler::find()) here->after_fork();
}

}  // namespace

void watch_forks() {
  static const bool watches = pthread_atfork(nullptr, nullptr, &in_child) == 0;
  if (!watches) throw std::bad_alloc();
}

unsigned forks() noexcept {
  return counted.load(std::memory_order_relaxed);
}

}  // namespace offshoot::detail
