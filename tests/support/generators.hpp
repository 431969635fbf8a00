/// Generators and what they yield, for their tests.
#pragma once

#include <offshoot/generator.hpp>

#include <vector>

namespace test {

inline offshoot::generator<int> countdown(int from, offshoot::placement where) {
  return offshoot::generator<int>{[from](auto& yield) {
                                    for (int n = from; n > 0; --n) yield(n);
                                  },
                                  {.where = where}};
}

template <class R>
std::vector<int> all(R&& range) {
  std::vector<int> found;
  for (int element : range) found.push_back(element);
  return found;
}

}  // namespace test
