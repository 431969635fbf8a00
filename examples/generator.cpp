/// A sequence made on demand, by a body that yields from any depth of calls.
#include <offshoot/generator.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

using offshoot::generator;

namespace {

/// All ways to write n as a sum of smaller numbers, largest first: plain recursion, which yields
/// from wherever it stands.
void partitions(int n, int largest, const std::string& so_far,
                generator<std::string>::yielder& yield) {
  if (n == 0) return yield(so_far);
  for (int part = std::min(n, largest); part > 0; --part) {
    partitions(n - part, part, so_far + (so_far.empty() ? "" : " + ") + std::to_string(part),
               yield);
  }
}

struct farewell {
  ~farewell() { std::cout << "the body is unwound\n"; }
};

}  // namespace

int main() {
  generator<std::string> sums{[](auto& yield) { partitions(4, 4, "", yield); }};
  for (const std::string& sum : sums) std::cout << "4 = " << sum << '\n';

  generator<std::unique_ptr<int>> endless{[](auto& yield) {
    const farewell on_exit;
    for (int n = 1;; n *= 2) yield(std::make_unique<int>(n));
  }};
  for (const auto& power : endless) {
    if (*power > 100) break;
    std::cout << *power << ' ';
  }
  std::cout << "and so on\n";
}
