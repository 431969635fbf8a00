#include "core/block_pool.hpp"

namespace offshoot::detail {

void* block_pool::allocate(std::uint8_t size_class) {
  const std::size_t bytes = size_class * granule - heap_word;
  return is_whole_lines(size_class) ? ::operator new(bytes, std::align_val_t{cache_line})
                                    : ::operator new(bytes);
}

void block_pool::deallocate(void* memory, std::uint8_t size_class) noexcept {
  if (is_whole_lines(size_class)) {
    ::operator delete(memory, std::align_val_t{cache_line});
  } else {
    ::operator delete(memory);
  }
}

void block_pool::release() noexcept {
  for (std::uint8_t size_class = 0; idle_block*& first : idle_) {
    while (first != nullptr) {
      idle_block* const next = first->next;
      deallocate(first, size_class);
      first = next;
    }
    ++size_class;
  }
  count_ = 0;
}

}  // namespace offshoot::detail
