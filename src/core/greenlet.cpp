#include <offshoot/detail/extension.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/greenlet.hpp>

#include <string>
#include <utility>

#include "core/drop.hpp"
#include "core/high_water.hpp"
#include "core/switch.hpp"
#include "core/thread_registry.hpp"

namespace offshoot {
namespace detail {

void throw_null_run() {
  throw not_startable("offshoot: a greenlet's run function is null or an empty std::function");
}

void throw_empty_handle() {
  throw greenlet_error(
      "offshoot: this greenlet handle is empty: default constructed or moved from");
}

void throw_wrong_thread(const control_block* target, const char* what) {
  const pid_t owner = target != nullptr && target->active() ? registry::owner_of(*target) : 0;
  if (owner == 0) {
    throw wrong_thread("offshoot: a greenlet whose thread has ended cannot be " +
                       std::string(what));
  }
  throw wrong_thread("offshoot: " + target->label() + " belongs to thread " +
                     std::to_string(owner) + " and cannot be " + what + " on thread " +
                     std::to_string(gettid()) + "; post the work to its own thread");
}

/// Nothing is loaded: that would wait for the memory that is to be waited for later. So what there
/// is of the slice is taken from where slices begin and how long they usually are here.
void prefetch(const control_block* soon) noexcept {
  const thread_state* const here = thread_state::here();
  if (here == nullptr) return;
  const auto block = reinterpret_cast<std::uintptr_t>(soon);
  const std::uintptr_t end = block + sizeof(control_block) + here->typical_slice;
  for (std::uintptr_t at = block / cache_line * cache_line; at < end; at += cache_line) {
    __builtin_prefetch(reinterpret_cast<const void*>(at));
  }
}

extension::~extension() = default;

std::uint64_t id_of(const control_block* block) noexcept {
  return block->id;
}

extension* extension_of(control_block* block) noexcept {
  return block->record.get();
}

void attach(control_block* block, std::unique_ptr<extension> record) noexcept {
  block->record = std::move(record);
}

void make_main() {
  static_cast<void>(thread_state::get());
}

}  // namespace detail

greenlet greenlet::current() {
  detail::thread_state& here = detail::thread_state::get();
  detail::drain_queue(here);
  return detail::access::share(here.current);
}

greenlet greenlet::main() {
  return detail::access::share(detail::thread_state::get().main);
}

greenlet greenlet::parent() const& {
  return detail::access::share(detail::dereference(block_).parent_now());
}

greenlet greenlet::parent() && {
  greenlet found = std::as_const(*this).parent();
  reset();
  return found;
}

bool greenlet::started() const {
  return detail::dereference(block_).state() != detail::life::unstarted;
}

bool greenlet::active() const {
  return detail::dereference(block_).active() && !dead();
}

bool greenlet::dead() const {
  const detail::control_block& block = detail::dereference(block_);
  switch (block.state()) {
    case detail::life::unstarted:
      return false;
    case detail::life::finished:
      return true;
    case detail::life::active:
      break;
  }
  const detail::thread_state* owner = detail::thread_of(block);
  return owner == nullptr || owner->abandoned;
}

std::string_view greenlet::name() const {
  return detail::dereference(block_).name();
}

std::uint64_t greenlet::id() const {
  return detail::dereference(block_).id;
}

placement greenlet::where() const {
  return detail::dereference(block_).chosen_placement;
}

spawn_site greenlet::spawned_at() const {
  return detail::dereference(block_).spawned_at();
}

std::size_t greenlet::stack_high_water() const {
  detail::control_block& block = detail::dereference(block_);
  switch (block.state()) {
    case detail::life::unstarted:
      return 0;
    case detail::life::finished:
      return block.stop;
    case detail::life::active:
      break;
  }
  return detail::high_water(block);
}

std::size_t greenlet::stack_saved_bytes() const {
  return detail::dereference(block_).saved.size();
}

}  // namespace offshoot
