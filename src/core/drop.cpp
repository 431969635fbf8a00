#include "core/drop.hpp"

#include <offshoot/errors.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include <cxxabi.h>

#include "core/region_entry.hpp"
#include "core/switch.hpp"
#include "core/thread_registry.hpp"
#include "core/type_name.hpp"

namespace offshoot::detail {
namespace {

/// How often a greenlet may catch the exit and try to suspend again before the process ends (S21).
constexpr unsigned exit_limit = 100;
static_assert(exit_limit < 0x7f);  // as far as exits_swallowed counts

void print_unraisable(std::exception_ptr exception, const greenlet& origin) noexcept {
  const std::string label = access::block(origin)->label();
  try {
    std::rethrow_exception(std::move(exception));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "offshoot: %s was being destroyed and threw %s: %s\n", label.c_str(),
                 type_name(typeid(error)).c_str(), error.what());
  } catch (...) {
    const std::type_info* type = __cxxabiv1::__cxa_current_exception_type();
    std::fprintf(stderr, "offshoot: %s was being destroyed and threw %s\n", label.c_str(),
                 type != nullptr ? type_name(*type).c_str() : "a foreign exception");
  }
}

std::atomic<unraisable_handler> unraisable{&print_unraisable};

void give_back_parent(control_block& saved) noexcept {
  control_block* const killer = saved.parent;
  saved.clear(dying);
  if (!saved.has(lends_link)) {
    saved.parent = saved.link;
  } else if (saved.active()) {
    saved.lender = saved.lender_before;
    saved.set(borrows_parent);
  } else {  // the lender may go now
    saved.parent = thread_state::here()->main;
    saved.parent->add_reference();
  }
  saved.clear(lends_link);
  saved.link = nullptr;
  release(killer);
}

/// The last handle of an active greenlet of this thread has gone.
void let_go(thread_state& here, control_block& block) noexcept {
  if (block.leaving || block.has(main_greenlet)) return;
  if (&block == here.current) {
    block.set(orphan);
    here.look_at_current();
  } else {
    kill(here, block);
  }
}

/// Gives up a reference, whatever it is. Whether it was the last of all, and the caller has to
/// destroy the block.
bool drop_reference(control_block& block) noexcept {
  thread_state* const here = thread_state::here();
  bool elsewhere = false;
  const auto was = block.drop_reference_unless([&](control_block::census now) {
    elsewhere = now.state == life::active && (here == nullptr || thread_of(block) != here);
    return elsewhere;
  });
  if (elsewhere) return registry::drop_from_afar(block);
  if (was.state != life::active) return was.references == 1;
  if (was.references == 2) let_go(*here, block);  // the other one is the thread's
  return false;
}

[[gnu::noinline]] void release_with_care(control_block* block) noexcept {
  if (drop_reference(*block)) release(destroy(block));
}

}  // namespace

void acquire(control_block* block) noexcept {
  if (block != nullptr) block->add_reference();
}

void release(control_block* block) noexcept {
  while (block != nullptr) {
    if (block->is_last_of_inactive()) {
      block = destroy(block);
    } else if (block->drop_one_of_many()) {
      return;
    } else {
      return release_with_care(block);
    }
  }
}

control_block* destroy(control_block* unreferenced) noexcept {
  control_block* const parent = unreferenced->has(borrows_parent) ? nullptr : unreferenced->parent;
  unreferenced->destroy();
  return parent;
}

void kill(thread_state& here, control_block& victim) noexcept {
  victim.add_reference();  // until we have seen how it ended
  if (victim.has(borrows_parent)) {
    victim.lender_before = victim.lender;
    victim.set(lends_link);
  } else {
    victim.link = victim.parent;
  }
  // Owned, like any parent: were the dropper dropped meanwhile, by the victim even, each would wait
  // for the other's end. Now it goes on first, and dies when it suspends.
  here.current->add_reference();
  victim.parent = here.current;
  victim.clear(borrows_parent);
  victim.set(dying);

  const auto exit = std::make_exception_ptr(greenlet_exit{});
  if (cross(here, victim, delivery{value{}, exit}) != crossing::arrived) {
    give_back_parent(victim);
    registry::postpone(here, victim);  // with our reference; tried again at the next switch
    return;
  }
  try {
    static_cast<void>(arrive(here));
  } catch (const greenlet_exit&) {  // ours, if we are dying too: comes again when we suspend
  } catch (...) {
    report_unraisable(std::current_exception(), victim);
  }
  if (victim.has(dying)) give_back_parent(victim);
  release(&victim);
}

void drain_called_queue(thread_state& here) noexcept {
  release_queue(registry::take_queue(here));
}

void release_queue(control_block* first) noexcept {
  while (first != nullptr) {
    control_block* const next = std::exchange(first->next_dropped, nullptr);
    release(std::exchange(first, next));
  }
}

namespace {

void unwind(thread_state& here, control_block& victim) noexcept {
  victim.add_reference();
  victim.set(forced);
  kill(here, victim);
  if (victim.active()) fatal("no memory to unwind " + victim.label() + " at the end of its thread");
  release(&victim);
}

}  // namespace

void unwind_all(thread_state& here) noexcept {
  drain_queue(here);
  while (here.live != nullptr || here.trace != nullptr) {
    if (here.live != nullptr) {
      unwind(here, *here.live);
    } else {  // the tracer has seen the last of them; its destructor may begin others
      const auto last = std::exchange(here.trace, nullptr);
      here.look_at_current();
    }
    drain_queue(here);
  }
  control_block& main = *std::exchange(here.main, nullptr);
  here.current = nullptr;
  leave_region(main, false);
  sanitizers::forget(here.own_stack);
  main.record.reset();
  main.finish();
  release(&main);  // the thread's reference
  release(&main);  // that of here.main
}

void refuse_to_suspend(thread_state& here, control_block& self) {
  if (!self.has(forced) && self.references() > 2) {  // the thread's and kill's, and a fresh handle
    give_back_parent(self);
    self.exits_swallowed = 0;
    here.look_at_current();
    return;
  }
  self.exits_swallowed = 0x7f & (self.exits_swallowed + 1U);
  if (self.exits_swallowed > exit_limit) {
    fatal(self.label() + " swallowed greenlet_exit " + std::to_string(exit_limit) +
          " times while it was being destroyed; let it propagate, or store a handle to live on");
  }
  throw greenlet_exit{};
}

void report_unraisable(std::exception_ptr exception, control_block& origin) noexcept {
  unraisable.load(std::memory_order_relaxed)(std::move(exception), access::share(&origin));
}

void fatal(const std::string& message) noexcept {
  std::fprintf(stderr, "offshoot: %s\n", message.c_str());
  std::abort();
}

}  // namespace offshoot::detail

namespace offshoot {

unraisable_handler set_unraisable_handler(unraisable_handler handler) noexcept {
  using namespace detail;
  const auto before = unraisable.exchange(handler != nullptr ? handler : &print_unraisable);
  return before == &print_unraisable ? nullptr : before;
}

}  // namespace offshoot
