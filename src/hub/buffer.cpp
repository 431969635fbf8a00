/// A thread's idle blocks are kept for the next lease; a block belongs to no thread in particular.
#include <offshoot/hub/buffer.hpp>

#include <array>
#include <memory>

namespace offshoot {
namespace {

struct block_pool {
  static constexpr std::size_t largest_idle = 64;
  std::array<std::unique_ptr<std::byte[]>, largest_idle> idle;
  std::size_t count = 0;
};

/// Null before its first use on a thread and after its end.
thread_local constinit block_pool* pool = nullptr;

block_pool* find_pool() noexcept {
  thread_local struct owner {
    owner() { pool = &blocks; }
    ~owner() { pool = nullptr; }
    block_pool blocks;
  } here;
  static_cast<void>(here);
  return pool;
}

}  // namespace

buffer buffer::lease() {
  buffer leased;
  block_pool* const from = find_pool();
  leased.block_ = from != nullptr && from->count != 0 ? from->idle[--from->count].release()
                                                      : new std::byte[capacity];
  leased.size_ = capacity;
  return leased;
}

buffer::~buffer() {
  std::unique_ptr<std::byte[]> returned(block_);
  if (returned == nullptr || pool == nullptr || pool->count == block_pool::largest_idle) return;
  pool->idle[pool->count++] = std::move(returned);
}

}  // namespace offshoot
