/// `on_lane`: does an address lie in a shared stack?
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

}  // namespace offshoot
