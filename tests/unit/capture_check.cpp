/// Lending one's own frames to a new greenlet is refused where those frames get copied away.
#include <offshoot/greenlet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/counted.hpp"
#include "support/dirt.hpp"
#include "support/fixture.hpp"

using offshoot::dangling_capture;
using offshoot::greenlet;
using offshoot::placement;
using test::counted;
using test::litter;

namespace {

/// Runs `giver` in a new greenlet.
template <class F>
void in(placement where, F&& giver) {
  const greenlet g{std::forward<F>(giver), {.where = where, .name = "lender"}};
  g.switch_to();
  CHECK(g.dead());
}

constexpr std::array copied{placement::lane, placement::nested};

#if __has_builtin(__builtin_clear_padding)
constexpr bool padding_can_be_cleared = true;
#else
constexpr bool padding_can_be_cleared = false;  // what has padding is only warned of
#endif

struct counter {
  int count = 0;
  void up() { ++count; }
  void up_by(int step, bool really) { count += really ? step : 0; }
  void lend_itself() {
    CHECK_THROWS_AS(greenlet{[this] { up(); }}, dangling_capture);
  }
  void lend_itself_with(const std::string& text) {
    CHECK_THROWS_AS((greenlet{[this, text] { up(); }}), dangling_capture);
  }
};

struct borrower {
  std::span<int> elements;
  std::string_view text;
  const int& number;
  void operator()() const {}
};
struct padded_borrower : borrower {
  int id;
  using borrower::operator();
};

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: a capture by reference of a frame that gets copied is refused") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 1;
      counted::reset();
      const auto lends = [&local] { ++local; };
      CHECK_THROWS_AS(greenlet{lends}, dangling_capture);
      const auto lends_and_owns = [&local, held = counted(1)] { local += held.content; };
      CHECK_THROWS_AS(greenlet{lends_and_owns}, dangling_capture);
      CHECK(counted::alive == 1);  // the copy was destroyed
      int* const pointer = &local;
      CHECK_THROWS_AS(greenlet{[pointer] { ++*pointer; }}, dangling_capture);
      const std::string small = "in its own room";
      CHECK_THROWS_AS(greenlet{[&small] { CHECK(small.empty()); }}, dangling_capture);
      // Whatever the new one's placement.
      for (const auto other : test::placements) {
        CHECK_THROWS_AS((greenlet{lends, {.where = other}}), dangling_capture);
      }
      std::string message;
      try {
        const greenlet g{lends};
      } catch (const dangling_capture& error) {
        message = error.what();
      }
      CHECK(message.find("'lender'") != std::string::npos);
      CHECK(message.find("spawned at") != std::string::npos);
      CHECK(message.find("capture_check.cpp:") != std::string::npos);
      CHECK(message.find("placement::dedicated") != std::string::npos);
    });
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: a capture with padding is refused where padding can be cleared") {
  if (!padding_can_be_cleared) return;
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 1;
      const auto padded = [&local, flag = true] { local += flag; };
      CHECK_THROWS_AS(greenlet{padded}, dangling_capture);
      int* const pointer = &local;
      const std::string text = "short";
      static const int global = 1;
      counter mine;
      const auto by_value = [pointer, flag = true] { *pointer += flag; };
      CHECK_THROWS_AS(greenlet{by_value}, dangling_capture);
      const auto flag_between = [&local, flag = true, &text] { local += flag + text.empty(); };
      CHECK_THROWS_AS(greenlet{flag_between}, dangling_capture);
      const auto owns = [&local, text, flag = true] { local += flag + text.empty(); };
      CHECK_THROWS_AS(greenlet{owns}, dangling_capture);
      const auto owns_pointer = [pointer, id = 1, text] { *pointer += id + text.empty(); };
      CHECK_THROWS_AS(greenlet{owns_pointer}, dangling_capture);
      const auto span_and_flag = [all = std::span<int>(pointer, 1), flag = true] {
        CHECK(all.empty() == flag);
      };
      CHECK_THROWS_AS(greenlet{span_and_flag}, dangling_capture);
      CHECK_THROWS_AS((greenlet{padded_borrower{{{}, text, global}, 1}}), dangling_capture);
      CHECK_THROWS_AS(greenlet{std::bind(&counter::up_by, &mine, 1, true)}, dangling_capture);
    });
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S36: however an address is captured, it is refused") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 1;
      const std::string text = "on the stack";
      std::array<int, 3> several{};
      counter mine;
      const auto inner = [&local] { ++local; };
      CHECK_THROWS_AS(greenlet{[inner] { inner(); }}, dangling_capture);
      CHECK_THROWS_AS((greenlet{[deeper = [inner] { inner(); }] { deeper(); }}), dangling_capture);
      CHECK_THROWS_AS((greenlet{[inner, text] { inner(); }}), dangling_capture);
      CHECK_THROWS_AS((greenlet{[&] { local += several[0]; }}), dangling_capture);
      if (padding_can_be_cleared) {
        CHECK_THROWS_AS(greenlet{std::bind([](int*) {}, &local)}, dangling_capture);
        CHECK_THROWS_AS(greenlet{std::bind([](int&) {}, std::ref(local))}, dangling_capture);
        CHECK_THROWS_AS(greenlet{std::bind(&counter::up, &mine)}, dangling_capture);
        mine.lend_itself_with(text);
      }
      CHECK_THROWS_AS(greenlet{std::function<void()>(inner)}, dangling_capture);
      CHECK_THROWS_AS((greenlet{[f = std::function<void()>(inner)] { f(); }}), dangling_capture);
      CHECK_THROWS_AS((greenlet{[f = &counter::up, to = &mine] { (to->*f)(); }}), dangling_capture);
      mine.lend_itself();
      CHECK_THROWS_AS((greenlet{borrower{several, text, local}}), dangling_capture);
      CHECK_THROWS_AS((greenlet{[view = std::string_view(text)] { CHECK(!view.empty()); }}),
                      dangling_capture);
      CHECK_THROWS_AS((greenlet{[all = std::span<int>(several)] { CHECK(!all.empty()); }}),
                      dangling_capture);
    });
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: an address in the frames of those above is none of ours to refuse") {
  // Of a nested giver only what lies on its own stack: the starter is in place while it is needed.
  in(placement::dedicated, [] {
    int above = 0;
    in(placement::nested, [&above] {
      const greenlet g{[&above] { ++above; }};
      g.switch_to();
    });
    CHECK(above == 1);
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S36: main and dedicated greenlets may lend") {
  int in_main = 0;
  const greenlet g{[&in_main] { ++in_main; }};
  g.switch_to();
  CHECK(in_main == 1);
  in(placement::dedicated, [] {
    int local = 0;
    for (const auto where : test::placements) {
      const greenlet borrower{[&local, flag = true] { local += flag; }, {.where = where}};
      borrower.switch_to();
    }
    CHECK(local == 3);
  });
  std::thread([] {
    int local = 0;
    const greenlet borrower{[&local] { ++local; }};
    borrower.switch_to();
    CHECK(local == 1);
  }).join();
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: no false alarm for values, empty small buffers and padding") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 0;
      litter(&local);
      CHECK_NOTHROW(greenlet{[] {}});
      litter(&local);
      CHECK_NOTHROW(greenlet{[number = 7] { CHECK(number == 7); }});
      // Not trivially copyable, with small-string bytes that are not in use.
      litter(&local);
      CHECK_NOTHROW(greenlet{[text = std::string("short")] { CHECK(text == "short"); }});
      litter(&local);
      CHECK_NOTHROW(greenlet{[flag = true, text = std::string(100, 'x'), other = 'c'] {
        CHECK((flag && other == 'c' && text.size() == 100));
      }});
      litter(&local);
      CHECK_NOTHROW(
          greenlet{[owned = std::make_unique<int>(1), flag = true] { CHECK(*owned == flag); }});
      // Trivially copyable with padding that holds the address.
      struct padded {
        char first;
        // seven bytes of nobody
        double second;
        char third;
      };
      alignas(padded) unsigned char bytes[sizeof(padded)];
      for (std::size_t i = 0; i < sizeof bytes; i += sizeof(void*)) {
        const void* address = &local;
        std::memcpy(bytes + i, &address, sizeof address);
      }
      padded content;
      std::memcpy(&content, bytes, sizeof content);
      content.first = 0;
      content.second = 0;
      content.third = 0;
      CHECK_NOTHROW(greenlet{[content] { CHECK(content.second == 0); }});
      // Handles and heap pointers.
      CHECK_NOTHROW(greenlet{[self = greenlet::main()] { CHECK(self); }});
      // Numbers that look like nothing else.
      const auto number = reinterpret_cast<std::uintptr_t>(&local) + UINTPTR_MAX / 4;
      CHECK_NOTHROW(greenlet{[number] { CHECK(number != 0); }});
    });
  }
}
