#include "core/thread_registry.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include "core/block_arena.hpp"

namespace offshoot::detail::registry {
namespace {

std::mutex lock;
std::atomic<thread_state*> threads{nullptr};  // written under the lock
std::uint32_t last_serial = 0;

void before_fork() {
  lock.lock();
  block_arena::lock();
}
void after_fork_in_parent() {
  block_arena::unlock();
  lock.unlock();
}

/// Only the forking thread lives on in the child: the greenlets of all others are dead (S32).
void after_fork_in_child() {
  for (thread_state* each = threads; each != nullptr; each = each->next) {
    if (each != thread_state::here()) {
      each->ended = true;
      each->abandoned = true;
    } else {
      each->tid = gettid();
    }
  }
  after_fork_in_parent();
}

void push(thread_state& owner, control_block& dropped) noexcept {
  dropped.next_dropped = std::exchange(owner.queue, &dropped);
  owner.attention.fetch_or(thread_state::called_bit, std::memory_order_release);
}

control_block* take_queue_locked(thread_state& owner) noexcept {
  owner.attention.fetch_and(~thread_state::called_bit, std::memory_order_relaxed);
  control_block* first = nullptr;
  for (control_block* last = std::exchange(owner.queue, nullptr); last != nullptr;) {
    control_block* before = std::exchange(last->next_dropped, first);
    first = std::exchange(last, before);
  }
  return first;
}

}  // namespace

thread_state& enlist() {
  static const bool watches_forks = [] {
    return pthread_atfork(&before_fork, &after_fork_in_parent, &after_fork_in_child) == 0;
  }();
  if (!watches_forks) throw std::bad_alloc();

  const std::lock_guard hold(lock);
  thread_state* found = threads;
  while (found != nullptr && !(found->ended && !found->abandoned)) found = found->next;
  if (found == nullptr) {
    found = new thread_state;
    found->next = threads.load();
    threads = found;
  }
  found->ended = false;
  found->tid = gettid();
  found->serial = ++last_serial;
  return *found;
}

thread_state* first() noexcept {
  return threads.load(std::memory_order_acquire);
}

bool drop_from_afar(control_block& dropped) noexcept {
  const std::lock_guard hold(lock);
  thread_state* owner = thread_of(dropped);
  const bool reachable = owner != nullptr && !owner->ended;
  const auto was = dropped.drop_reference_unless([&](control_block::census now) {
    return now.state == life::active && now.references == 2 && reachable;
  });
  if (was.state == life::active && was.references == 2 && reachable) push(*owner, dropped);
  return was.references == 1;
}

void postpone(thread_state& owner, control_block& dropped) noexcept {
  const std::lock_guard hold(lock);
  push(owner, dropped);
}

control_block* take_queue(thread_state& owner) noexcept {
  const std::lock_guard hold(lock);
  return take_queue_locked(owner);
}

control_block* delist(thread_state& leaving) noexcept {
  const std::lock_guard hold(lock);
  leaving.ended = true;
  leaving.tid = 0;
  return take_queue_locked(leaving);
}

pid_t owner_of(const control_block& active) noexcept {
  const std::lock_guard hold(lock);
  const thread_state* owner = thread_of(active);
  return owner == nullptr || owner->ended ? 0 : owner->tid;
}

}  // namespace offshoot::detail::registry
