#include "core/control_block.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "core/describe.hpp"
#include "core/drop.hpp"
#include "core/mapping.hpp"
#include "core/switch.hpp"
#include "core/thread_registry.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t usual = alignof(std::max_align_t);
constexpr int largest_bits = std::numeric_limits<std::size_t>::digits - 1;

// control_block::origin_ of one that is aligned to more than the heap's blocks usually are.
std::uint8_t over_aligned(std::size_t alignment) noexcept {
  return static_cast<std::uint8_t>(block_pool::origins +
                                   static_cast<unsigned>(std::countr_zero(alignment)));
}
std::align_val_t alignment_of(std::uint8_t origin) noexcept {
  return std::align_val_t{std::size_t{1} << (origin - block_pool::origins)};
}

/// Of threads that have no thread_state.
std::atomic<std::ptrdiff_t> destroyed_elsewhere{0};
std::atomic<std::uint64_t> id_blocks{0};

void count_alive(thread_state& here, std::ptrdiff_t more) noexcept {
  here.blocks_alive.store(here.blocks_alive.load(std::memory_order_relaxed) + more,
                          std::memory_order_relaxed);
}

constexpr std::size_t alignment_for(const run_operations* run) noexcept {
  return run != nullptr ? std::max(run->alignment, usual) : usual;
}

/// How large a control block is with what lies behind it.
constexpr std::size_t bytes_with(std::size_t name_bytes, std::size_t room,
                                 const run_operations* run) noexcept {
  const std::size_t end = sizeof(control_block) + name_bytes + room + sanitizers::shadow_of(room);
  const std::size_t mask = alignment_for(run) - 1;
  return ((end + mask) & ~mask) + (run != nullptr ? run->size : 0);
}

[[gnu::always_inline]] inline unborn adopt(thread_state& here, control_block& child,
                                           control_block& parent, spawn_site site) noexcept {
  child.spawn_file = site.file;
  child.spawn_line = site.line;
  parent.add_reference();
  child.parent = &parent;
  const control_block* live = &parent == here.current ? &parent : nearest_live(&parent);
  child.serial = live != nullptr ? live->serial : here.serial;
  return {&child, child.callable()};
}

/// By the block, so that making a greenlet touches nothing shared.
void take_ids(thread_state& here) noexcept {
  constexpr std::uint64_t block = thread_state::id_block;
  here.last_id = id_blocks.fetch_add(1, std::memory_order_relaxed) * block;
}

control_block& parent_in(const thread_state& here, const options* chosen) noexcept {
  control_block* const given = chosen != nullptr ? access::block(chosen->parent) : nullptr;
  return given != nullptr ? *given : *here.current;
}

[[gnu::noinline]] unborn conceive_with_care(const run_operations& operations, const options* chosen,
                                            spawn_site site) {
  thread_state& here = thread_state::get();
  drain_queue(here);
  here.look_at_slices();
  // On a stack of its own, none of its bytes are in the way of others.
  const bool moves = chosen == nullptr || chosen->where != placement::dedicated;
  control_block* made =
      control_block::make(here, &operations, chosen, moves ? here.typical_slice : 0);
  return adopt(here, *made, parent_in(here, chosen), site);
}

/// Whether there is nothing to be done for them but to find the parent.
bool are_usual(const options& chosen) noexcept {
  return chosen.where == placement::lane && chosen.name.empty() && !chosen.own_fp_environment;
}

}  // namespace

// The usual case calls nothing, and so needs no frame.
unborn conceive(const run_operations& operations, const options* chosen, spawn_site site) {
  thread_state* const here = thread_state::here();
  if (here == nullptr || here->called() || !here->has_id() || operations.alignment > usual ||
      (chosen != nullptr && !are_usual(*chosen))) {
    return conceive_with_care(operations, chosen, site);
  }
  const std::size_t room = here->typical_slice;
  const std::uint8_t origin = block_pool::class_of(bytes_with(0, room, &operations));
  void* const memory = here->blocks.take_idle(origin);
  if (memory == nullptr) return conceive_with_care(operations, chosen, site);
  control_block* const made = control_block::build(*here, memory, origin, 0, room, &operations);
  return adopt(*here, *made, parent_in(*here, chosen), site);
}

void abandon(control_block* block) noexcept {
  block->operations = nullptr;
  release(block);
}

inline control_block* control_block::build(thread_state& here, void* memory, std::uint8_t origin,
                                           std::size_t name_bytes, std::size_t room,
                                           const run_operations* run) noexcept {
  auto* block = ::new (memory) control_block(origin);
  block->saved.settle_in(reinterpret_cast<std::byte*>(block + 1) + name_bytes, room);
  block->operations = run;
  block->id = ++here.last_id;
  count_alive(here, 1);
  return block;
}

control_block* control_block::make(thread_state& here, const run_operations* run,
                                   const options* chosen, std::size_t room) {
  const std::size_t alignment = alignment_for(run);
  const std::size_t name_bytes = chosen != nullptr ? bytes_for(kept_of(chosen->name)) : 0;
  const bool of_many = here.has_many_blocks() && block_pool::may_hide();
  // In the arena, blocks of some sizes begin so that the room loses nothing to alignment.
  constexpr bool lines_up = (slice::block / 2 + sizeof(control_block)) % slice::block == 0;
  if (lines_up && of_many && name_bytes == 0 && alignment == usual) {
    const std::size_t all_used = room / slice::block * slice::block;
    if (block_pool::is_in_step(bytes_with(0, all_used, run))) room = all_used;
  }
  // Nothing but the first bytes of one that is always in place are looked at when it is switched
  // to: they shall be in one line of the cache.
  const std::size_t needed = bytes_with(name_bytes, room, run);
  const std::size_t bytes = room == 0 ? block_pool::in_whole_lines(needed) : needed;
  block_pool::block found;
  if (alignment > usual) [[unlikely]] {
    const std::uint8_t origin = over_aligned(alignment);
    found = {::operator new(bytes, alignment_of(origin)), origin};
  } else {
    found = here.blocks.take(bytes, of_many);
  }
  if (!here.has_id()) take_ids(here);
  control_block* const block = build(here, found.memory, found.from, name_bytes, room, run);
  if (chosen != nullptr) block->choose(*chosen);
  return block;
}

std::string_view control_block::kept_of(std::string_view name) noexcept {
  constexpr std::size_t longest = 4096;
  return name.substr(0, longest);
}

std::size_t control_block::bytes_for(std::string_view name) noexcept {
  return name.empty() ? 0 : round_up(sizeof(stored_name) + name.size(), usual);
}

void control_block::choose(const options& chosen) noexcept {
  chosen_placement = chosen.where;
  if (chosen.stack_size != 0) {
    const auto bits = static_cast<int>(std::bit_width(chosen.stack_size - 1));
    stack_bits_ = 0x3f & static_cast<unsigned>(std::clamp(bits, 1, largest_bits));
  }
  if (chosen.own_fp_environment) set(own_fp);
  if (const auto name = kept_of(chosen.name); !name.empty()) {
    auto* const stored = ::new (this + 1) stored_name{name.size()};
    std::memcpy(stored + 1, name.data(), name.size());
    named_ = true;
  }
}

control_block::~control_block() = default;

void control_block::destroy() noexcept {
  thread_state* const here = thread_state::here();
  const std::uint8_t origin = origin_;
  const bool quick = (operations == nullptr || operations->destroy == nullptr) &&
                     record == nullptr && !saved.on_heap() && here != nullptr &&
                     here->blocks.may_keep(origin);
  if (!quick) return destroy_with_care();
  here->blocks.keep(this, origin);  // there is nothing that the destructor would do
  count_alive(*here, -1);
}

void control_block::destroy_with_care() noexcept {
  destroy_callable();
  const std::uint8_t origin = origin_;
  thread_state* const here = thread_state::here();
  this->~control_block();
  if (origin >= block_pool::origins) {
    ::operator delete(static_cast<void*>(this), alignment_of(origin));
  } else if (here != nullptr) {
    here->blocks.put_back(this, origin);
  } else {
    block_pool::free(this, origin);
  }
  if (here != nullptr) {
    count_alive(*here, -1);
  } else {
    destroyed_elsewhere.fetch_add(1, std::memory_order_relaxed);
  }
}

void control_block::destroy_callable() noexcept {
  if (operations == nullptr) return;
  void* const at = callable();
  const auto* run = std::exchange(operations, nullptr);
  if (run->destroy != nullptr) run->destroy(at);
}

std::string control_block::label() const {
  std::string text;
  append_label(text, *this);
  return text;
}

std::size_t control_blocks_alive() noexcept {
  std::ptrdiff_t alive = -destroyed_elsewhere.load(std::memory_order_relaxed);
  for (const thread_state* each = registry::first(); each != nullptr; each = each->next) {
    alive += each->blocks_alive.load(std::memory_order_relaxed);
  }
  return static_cast<std::size_t>(alive);
}

}  // namespace offshoot::detail
