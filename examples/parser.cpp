/// A callback turned inside out: the tokenizer pushes tokens as characters arrive, and the parser,
/// in a greenlet of its own, pulls them with next() in straight-line recursive descent.
#include <offshoot/coroutine.hpp>

#include <cctype>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

/// Calls back with each number and sign, whatever the pieces in which the text comes.
struct tokenizer {
  std::function<void(const std::string&)> on_token;
  std::string number{};

  void push(std::string_view piece) {
    for (const char each : piece) {
      if (std::isdigit(static_cast<unsigned char>(each)) != 0) {
        number += each;
        continue;
      }
      if (!number.empty()) on_token(std::exchange(number, {}));
      if (each != ' ') on_token(std::string(1, each));
    }
  }
};

using calculator = offshoot::coroutine<void(std::string)>;

struct parser {
  calculator::self& self;
  std::string token;

  void next() { token = self.yield(); }
  int sum() {
    int total = 0;
    do {
      if (token == "+") next();
      total += term();
    } while (token == "+");
    return total;
  }
  int term() {
    const bool inner = token == "(";
    if (inner) next();
    const int found = inner ? sum() : std::stoi(token);
    if (inner && token != ")") throw std::runtime_error("a ) is missing before " + token);
    next();
    return found;
  }
};

}  // namespace

int main() try {
  calculator parse{[](auto& self, std::string first) {
    parser reads{self, std::move(first)};
    for (;;) {
      std::cout << reads.sum() << '\n';
      reads.next();  // past the semicolon
    }
  }};
  tokenizer splits{[&parse](const std::string& token) { parse(token); }};
  for (const char* piece : {"1 + 2 + 3;", "(1", "0 + 2", "0) + 4", "0;", "2 + (3 + 4", "; 5;"}) {
    splits.push(piece);
  }
} catch (const std::runtime_error& error) {
  std::cout << "error: " << error.what() << '\n';
}
