/// Stages connected by generators: each takes what it needs from the one before, when it is asked
/// itself. Nothing runs ahead, and no stage knows what is at its ends.
#include <offshoot/generator.hpp>

#include <cctype>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

using offshoot::generator;

namespace {

generator<char> letters(std::string_view text) {
  return generator<char>{[text](auto& yield) {
    std::cout << "[open]\n";
    for (const char each : text) yield(each);
    std::cout << "[close]\n";
  }};
}

generator<std::string> words(generator<char> source) {
  return generator<std::string>{[source = std::move(source)](auto& yield) mutable {
    std::string word;
    for (const char each : source) {
      if (std::isalpha(static_cast<unsigned char>(each)) != 0) {
        word += each;
      } else if (!word.empty()) {
        yield(std::exchange(word, {}));
      }
    }
    if (!word.empty()) yield(std::move(word));
  }};
}

generator<std::string> longer_than(std::size_t length, generator<std::string> source) {
  return generator<std::string>{[length, source = std::move(source)](auto& yield) mutable {
    for (std::string& word : source) {
      if (word.size() > length) yield(std::move(word));
    }
  }};
}

}  // namespace

int main() {
  auto stages =
      longer_than(3, words(letters("every offshoot of a plant is a plant that may branch again")));
  int number = 0;
  for (const std::string& word : stages) std::cout << ++number << ' ' << word << '\n';
}
