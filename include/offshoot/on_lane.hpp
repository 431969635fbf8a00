/// `on_lane`: does an address lie in a shared stack? And how to speak for an object that is wrongly
/// thought to hold one.
#pragma once

#include <offshoot/export.hpp>

#include <cstddef>

namespace offshoot {

/// Whether `address` lies in one of the calling thread's lanes, where what it points to is somebody
/// else's as soon as its owner is evicted. Costs a few comparisons; never throws.
OFFSHOOT_API bool on_lane(const void* address) noexcept;

/// How many lanes the calling thread shares among its lane greenlets, 1 to 1024; 16 unless set.
/// More lanes: fewer copies, more address space (1 MiB each, touched as used). Throws
/// `greenlet_error` once the thread has started a lane greenlet, and for a count out of range.
OFFSHOOT_API void set_lane_count(std::size_t count);

/// Whether objects of type T have words that nobody wrote, which may be anything: say a tagged
/// union or a half-filled array of pointers. True exempts the type from the look at what is handed
/// over, in which such a leftover could pass for an address. Not needed for std::optional and
/// std::variant. Specialise it for a type of your own before it is first handed over; a class or
/// closure that has such a member needs it for itself.
template <class T>
inline constexpr bool may_hold_stale_words = false;

/// The same for one closure: `spawn(unchecked{[token] { ... }})` captures without being looked at.
template <class F>
struct unchecked : F {
  using F::operator();
};
template <class F>
unchecked(F) -> unchecked<F>;
template <class F>
inline constexpr bool may_hold_stale_words<unchecked<F>> = true;

}  // namespace offshoot
