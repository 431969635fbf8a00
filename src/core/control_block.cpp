#include "core/control_block.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "core/describe.hpp"
#include "core/mapping.hpp"
#include "core/thread_registry.hpp"

namespace offshoot::detail {
namespace {

constexpr std::size_t usual = alignof(std::max_align_t);
constexpr int largest_bits = std::numeric_limits<std::size_t>::digits - 1;

// control_block::origin_ of one that is aligned to more than the heap's blocks usually are.
std::uint8_t over_aligned(std::size_t alignment) noexcept {
  return static_cast<std::uint8_t>(block_pool::classes +
                                   static_cast<unsigned>(std::countr_zero(alignment)));
}
std::align_val_t alignment_of(std::uint8_t origin) noexcept {
  return std::align_val_t{std::size_t{1} << (origin - block_pool::classes)};
}

/// Of threads that have no thread_state.
std::atomic<std::ptrdiff_t> destroyed_elsewhere{0};
std::atomic<std::uint64_t> id_blocks{0};

/// Ids are taken by the block, so that making a greenlet touches nothing shared.
std::uint64_t new_id(thread_state& here) noexcept {
  constexpr std::uint64_t block = 256;
  if (here.last_id % block == 0) {
    here.last_id = id_blocks.fetch_add(1, std::memory_order_relaxed) * block;
  }
  return ++here.last_id;
}

void count_alive(thread_state& here, std::ptrdiff_t more) noexcept {
  here.blocks_alive.store(here.blocks_alive.load(std::memory_order_relaxed) + more,
                          std::memory_order_relaxed);
}

}  // namespace

control_block* control_block::make(thread_state& here, const run_operations* run,
                                   const options* chosen, std::size_t room) {
  const std::size_t alignment = run != nullptr ? std::max(run->alignment, usual) : usual;
  const std::size_t name_bytes = chosen != nullptr ? bytes_for(kept_of(chosen->name)) : 0;
  const std::size_t room_end =
      sizeof(control_block) + name_bytes + room + sanitizers::shadow_of(room);
  const std::size_t bytes =
      ((room_end + alignment - 1) & ~(alignment - 1)) + (run != nullptr ? run->size : 0);

  std::uint8_t origin = 0;
  void* memory = nullptr;
  if (alignment > usual) [[unlikely]] {
    origin = over_aligned(alignment);
    memory = ::operator new(bytes, alignment_of(origin));
  } else {
    origin = block_pool::class_of(bytes);
    memory = origin != 0 ? here.blocks.take(origin) : ::operator new(bytes);
  }
  auto* block = ::new (memory) control_block(origin);
  block->saved.settle_in(reinterpret_cast<std::byte*>(block + 1) + name_bytes, room);
  block->operations = run;
  block->id = new_id(here);
  count_alive(here, 1);
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
  destroy_callable();
  const std::uint8_t origin = origin_;
  thread_state* const here = thread_state::here();
  this->~control_block();
  if (origin >= block_pool::classes) {
    ::operator delete(static_cast<void*>(this), alignment_of(origin));
  } else if (origin != 0 && here != nullptr) {
    here->blocks.put_back(this, origin);
  } else {
    ::operator delete(static_cast<void*>(this));
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
