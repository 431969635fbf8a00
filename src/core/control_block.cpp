#include "core/control_block.hpp"

#include <bit>
#include <new>
#include <string>
#include <utility>

#include "core/describe.hpp"
#include "core/mapping.hpp"

namespace offshoot::detail {
namespace {

std::atomic<std::size_t> alive{0};
std::atomic<std::uint64_t> id_blocks{0};

/// Ids are taken by the block, so that making a greenlet touches nothing shared.
std::uint64_t new_id() noexcept {
  constexpr std::uint64_t block = 256;
  thread_local std::uint64_t next = 0;
  if (next % block == 0) next = id_blocks.fetch_add(1, std::memory_order_relaxed) * block;
  return ++next;
}

}  // namespace

control_block* control_block::make(const run_operations* run, const options& chosen,
                                   std::size_t room) {
  constexpr std::size_t usual = alignof(std::max_align_t);
  const std::size_t alignment = run != nullptr && run->alignment > usual ? run->alignment : usual;
  const std::size_t callable_at =
      round_up(sizeof(control_block) + room + sanitizers::shadow_of(room), alignment);
  const std::size_t callable_size = run != nullptr ? run->size : 0;
  auto name = chosen.name.empty() ? nullptr : std::make_unique<std::string>(chosen.name);

  const std::size_t bytes = callable_at + callable_size;
  void* memory = alignment > usual ? ::operator new (bytes, std::align_val_t{alignment})
                                   : ::operator new(bytes);
  auto* block = ::new (memory) control_block;
  block->saved.settle_in(block + 1, room);
  block->callable_distance_ = static_cast<std::uint32_t>(callable_at);
  block->alignment_bits_ = static_cast<std::uint8_t>(std::countr_zero(alignment));
  block->operations = run;
  block->name = std::move(name);
  block->id = new_id();
  block->chosen_placement = chosen.where;
  block->stack_size = chosen.stack_size;
  if (chosen.own_fp_environment) block->set(own_fp);
  alive.fetch_add(1, std::memory_order_relaxed);
  return block;
}

control_block::~control_block() = default;

void control_block::destroy() noexcept {
  destroy_callable();
  const std::size_t alignment = std::size_t{1} << alignment_bits_;
  this->~control_block();
  if (alignment > alignof(std::max_align_t)) {
    ::operator delete (static_cast<void*>(this), std::align_val_t{alignment});
  } else {
    ::operator delete(static_cast<void*>(this));
  }
  alive.fetch_sub(1, std::memory_order_relaxed);
}

void control_block::destroy_callable() noexcept {
  if (const auto* run = std::exchange(operations, nullptr)) run->destroy(callable());
}

std::string control_block::label() const {
  std::string text;
  append_label(text, *this);
  return text;
}

std::size_t control_blocks_alive() noexcept {
  return alive.load(std::memory_order_relaxed);
}

}  // namespace offshoot::detail
