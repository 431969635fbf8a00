/// Leftovers: memory in which addresses of the caller's frames lie about.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace test {

/// Fills the stack below with `address`.
[[gnu::noinline]] inline void dirty_stack(const void* address) {
  const void* volatile words[192];
  for (auto& word : words) word = address;
}

/// The same, and free blocks of the heap.
[[gnu::noinline]] inline void litter(const void* address) {
  dirty_stack(address);
  std::vector<std::vector<const void*>> blocks;
  for (std::size_t size = 32; size < 200; ++size) blocks.emplace_back(size, address);
}

/// Takes up what has just been freed on the heap, so that who still reads or writes there is found
/// out, with no sanitizer too.
inline void occupy_freed(std::vector<std::string>& blocks) {
  for (std::size_t size = 64; size < 512; ++size) blocks.emplace_back(size, 'x');
}
inline bool are_as_written(const std::vector<std::string>& blocks) {
  for (const std::string& each : blocks) {
    if (each.find_first_not_of('x') != std::string::npos) return false;
  }
  return true;
}

/// A trivially copyable T, made by its constructor where each word was `address` before: what that
/// does not write is a leftover.
template <class T>
class made_in_dirt {
 public:
  template <class... A>
  explicit made_in_dirt(const void* address, A&&... arguments) {
    for (auto& word : room_) word = address;
    object_ = ::new (keep(room_)) T(std::forward<A>(arguments)...);
    keep(room_);
  }
  const T& operator*() const { return *object_; }
  /// How many words still are `address`, but for one byte at most.
  std::size_t left_over(const void* address) const {
    std::size_t count = 0;
    for (const void* const& word : room_) {
      std::size_t same = 0;
      for (std::size_t at = 0; at < sizeof word; ++at) {
        same += std::memcmp(reinterpret_cast<const char*>(&word) + at,
                            reinterpret_cast<const char*>(&address) + at, 1) == 0;
      }
      count += same + 1 >= sizeof word ? 1 : 0;
    }
    return count;
  }

 private:
  static void* keep(const void** words) {
    void* room = words;
    asm volatile("" : "+r"(room) : : "memory");
    return room;
  }

  alignas(T) const void* room_[(sizeof(T) + sizeof(void*) - 1) / sizeof(void*)];
  T* object_;
};

}  // namespace test
