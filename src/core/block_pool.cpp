#include "core/block_pool.hpp"

#include "core/block_arena.hpp"

namespace offshoot::detail {

block_pool::block block_pool::take(std::size_t bytes, bool of_many) {
  const std::uint8_t size_class = class_of(bytes);
  if (size_class == 0) return {::operator new(bytes), 0};
  const auto in_arena = static_cast<origin>(size_class + classes);
  const std::size_t class_bytes = size_class * granule;
  if (void* const found = take_idle(in_arena)) return {found, in_arena};
  if (of_many && may_hide()) {
    if (void* const found = block_arena::take(class_bytes)) return {found, in_arena};
  }
  if (void* const found = take_idle(size_class)) return {found, size_class};
  void* const made = is_whole_lines(size_class)
                         ? ::operator new (class_bytes - heap_word, std::align_val_t{cache_line})
                         : ::operator new(class_bytes - heap_word);
  return {made, size_class};
}

void block_pool::free(void* memory, origin from) noexcept {
  if (from >= classes) {
    block_arena::give_back(memory);
  } else if (from != 0 && is_whole_lines(from)) {
    ::operator delete (memory, std::align_val_t{cache_line});
  } else {
    ::operator delete(memory);
  }
}

void block_pool::release() noexcept {
  for (origin from = 0; from < origins; ++from) {
    while (void* const each = take_idle(from)) free(each, from);
  }
}

}  // namespace offshoot::detail
