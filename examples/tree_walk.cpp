/// Same fringe: do two trees of different shape have the same leaves in the same order? Each is
/// walked by plain recursion in a generator, and both walks stop at the first difference.
#include <offshoot/generator.hpp>

#include <iostream>
#include <memory>
#include <string_view>

using offshoot::generator;

namespace {

struct tree {
  char leaf = 0;
  std::unique_ptr<tree> left, right;
};

/// Reads (left right) or a letter.
std::unique_ptr<tree> read(std::string_view& text) {
  auto made = std::make_unique<tree>();
  const char first = text.front();
  text.remove_prefix(1);
  if (first == '(') {
    made->left = read(text);
    made->right = read(text);
    text.remove_prefix(1);  // the closing one
  } else {
    made->leaf = first;
  }
  return made;
}

generator<char> leaves(const tree& of) {
  return generator<char>{[&of](auto& yield) {
    if (of.leaf != 0) return yield(of.leaf);
    yield.from(leaves(*of.left));
    yield.from(leaves(*of.right));
  }};
}

void compare(std::string_view one, std::string_view other) {
  std::cout << one << " and " << other << ": ";
  const auto first = read(one);
  const auto second = read(other);
  auto a = leaves(*first);
  auto b = leaves(*second);
  auto left = a.begin();
  auto right = b.begin();
  while (left != a.end() && right != b.end() && *left == *right) ++left, ++right;
  if (left == a.end() && right == b.end()) {
    std::cout << "the same fringe\n";
  } else {
    std::cout << "differ at " << (left != a.end() ? *left : '-') << " and "
              << (right != b.end() ? *right : '-') << '\n';
  }
}

}  // namespace

int main() {
  compare("((ab)(cd))", "(a(b(cd)))");
  compare("((ab)(cd))", "(a(x(cd)))");
  compare("(ab)", "((ab)c)");
}
