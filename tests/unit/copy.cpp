/// The exchange of two stacks' bytes, as every CPU can do it and as those with wide moves do.
#include "core/copy.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <doctest/doctest.h>

namespace {

using offshoot::detail::exchange_blocks;
using offshoot::detail::has_wide_moves;

constexpr std::size_t room = 512;

struct alignas(64) place {
  std::array<std::byte, room> bytes;

  explicit place(int first) {
    for (std::size_t i = 0; i < room; ++i) {
      bytes[i] = static_cast<std::byte>(static_cast<std::size_t>(first) + i * 7 % 61);
    }
  }
};

using exchange = void (*)(std::uintptr_t, std::uintptr_t, std::byte*, std::uintptr_t, std::byte*);

void narrow(std::uintptr_t top, std::uintptr_t out_low, std::byte* out, std::uintptr_t in_low,
            std::byte* in) {
  exchange_blocks(top, out_low, out, in_low, in);
}
OFFSHOOT_WIDE_MOVES void wide(std::uintptr_t top, std::uintptr_t out_low, std::byte* out,
                              std::uintptr_t in_low, std::byte* in) {
  exchange_blocks(top, out_low, out, in_low, in);
}

/// `leaving` and `coming` bytes below the top of a stack: what has to be where, and nothing else.
bool exchanges(exchange how, std::size_t leaving, std::size_t coming) {
  constexpr std::size_t block = offshoot::detail::slice::block;
  place stack(0);
  place out(64);
  place in(128);
  const place stack_before = stack;
  const place out_before = out;
  const place in_before = in;
  const auto top = reinterpret_cast<std::uintptr_t>(stack.bytes.data() + room);
  how(top, top - leaving, out.bytes.data(), top - coming, in.bytes.data());
  const std::size_t gone = (leaving + block - 1) / block * block;
  const std::size_t come = (coming + block - 1) / block * block;
  const auto same = [](const std::byte* one, const std::byte* other, std::size_t bytes) {
    return std::memcmp(one, other, bytes) == 0;
  };
  const std::byte* const were = stack_before.bytes.data() + room;
  const std::byte* const are = stack.bytes.data() + room;
  return same(out.bytes.data(), were - gone, gone) &&
         same(out.bytes.data() + gone, out_before.bytes.data() + gone, room - gone) &&
         same(are - come, in_before.bytes.data(), come) &&
         same(stack.bytes.data(), stack_before.bytes.data(), room - come) &&
         in.bytes == in_before.bytes;
}

}  // namespace

TEST_CASE("S35: whoever leaves and whoever comes are exchanged, however long each is") {
  for (const exchange how : {&narrow, has_wide_moves ? &wide : &narrow}) {
    for (std::size_t leaving = 8; leaving < room - 32; leaving += 24) {
      for (std::size_t coming = 8; coming < room - 32; coming += 40) {
        CAPTURE(leaving);
        CAPTURE(coming);
        CHECK(exchanges(how, leaving, coming));
      }
    }
  }
}
