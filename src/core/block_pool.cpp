#include "core/block_pool.hpp"

namespace offshoot::detail {

void* block_pool::allocate(std::uint8_t size_class) {
  return ::operator new(size_class* granule - heap_word);
}

void block_pool::deallocate(void* memory) noexcept {
  ::operator delete(memory);
}

void block_pool::release() noexcept {
  for (idle_block*& first : idle_) {
    while (first != nullptr) {
      idle_block* const next = first->next;
      deallocate(first);
      first = next;
    }
  }
  count_ = 0;
}

}  // namespace offshoot::detail
