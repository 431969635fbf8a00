/// Shrinks a list on which something fails to a short one on which something still does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace model {

/// Takes away runs of elements, long ones first, for as long as `fails(list)` stays true; in the
/// end no single element can go, unless `out_of_time()` became true before that.
template <class T, class Fails, class OutOfTime>
std::vector<T> minimise(std::vector<T> list, Fails fails, OutOfTime out_of_time) {
  std::size_t length = std::max<std::size_t>(list.size() / 2, 1);
  while (!list.empty()) {
    bool shrunk = false;
    // From the end: what comes last depends on what comes first, and not the reverse.
    for (std::size_t end = list.size(); end > 0;) {
      if (out_of_time()) return list;
      const std::size_t begin = end > length ? end - length : 0;
      std::vector<T> shorter(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(begin));
      shorter.insert(shorter.end(), list.begin() + static_cast<std::ptrdiff_t>(end), list.end());
      if (fails(shorter)) {
        list = std::move(shorter);
        shrunk = true;
      }
      end = begin;
    }
    if (length > 1) {
      length = std::max<std::size_t>(std::min(length, list.size()) / 2, 1);
    } else if (!shrunk) {
      break;
    }
  }
  return list;
}

}  // namespace model
