/// No false alarm: what nobody wrote may hold anything, an address of the giver's stack too.
#include <offshoot/greenlet.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "support/dirt.hpp"
#include "support/fixture.hpp"

using offshoot::dangling_capture;
using offshoot::greenlet;
using offshoot::placement;
using offshoot::value;
using test::dirty_stack;
using test::litter;
using test::made_in_dirt;

namespace {

constexpr std::array copied{placement::lane, placement::nested};

template <class F>
void in(placement where, F&& giver) {
  const greenlet g{std::forward<F>(giver), {.where = where}};
  g.switch_to();
  CHECK(g.dead());
}

union either {
  int* pointer;
  char letter;
  explicit either(char c) : letter(c) {}
};

struct padded {
  char first;
  // seven bytes of nobody
  double second;
  padded() : first('f'), second(2) {}
};

struct tagged {
  enum class kind : std::uint32_t { none, pointer } what;
  union {
    int* pointer;
    double number;
  };
  tagged() : what(kind::none) {}
};

/// A class of its own around an optional, whose members are not known.
class envelope {
 public:
  explicit envelope(const std::optional<int*>& inner, std::string text)
      : inner_(inner), text_(std::move(text)) {}
  bool full() const { return inner_.has_value(); }

 private:
  std::optional<int*> inner_;
  std::string text_;
};

void accept(auto&&... payload) {
  const greenlet borrower{[](value) {}};
  CHECK_NOTHROW(borrower.switch_to(std::forward<decltype(payload)>(payload)...));
}

}  // namespace

template <>
inline constexpr bool offshoot::may_hold_stale_words<tagged> = true;

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: leftovers in empty optionals, variants and unions raise no alarm") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 1;
      const std::string text = "short";
      const made_in_dirt<std::optional<int*>> empty(&local);
      const made_in_dirt<std::optional<std::pair<int*, int*>>> empty_pair(&local);
      const made_in_dirt<std::variant<char, int*>> letter(&local, std::in_place_index<0>, 'x');
      const made_in_dirt<std::variant<std::monostate, std::span<int>>> blank(
          &local, std::in_place_index<0>);
      const made_in_dirt<either> one(&local, 'x');
      REQUIRE(letter.left_over(&local) >= 1);
      REQUIRE(empty.left_over(&local) >= 1);
      REQUIRE(empty_pair.left_over(&local) >= 2);
      REQUIRE(blank.left_over(&local) >= 2);
      REQUIRE(one.left_over(&local) == 1);

      CHECK_NOTHROW(greenlet{[o = *empty] { CHECK(!o); }});
      CHECK_NOTHROW(greenlet{[o = *empty_pair] { CHECK(!o); }});
      CHECK_NOTHROW(greenlet{[v = *letter] { CHECK(v.index() == 0); }});
      CHECK_NOTHROW(greenlet{[v = *blank] { CHECK(v.index() == 0); }});
      CHECK_NOTHROW(greenlet{[u = *one] { static_cast<void>(u); }});
      CHECK_NOTHROW(greenlet{[o = *empty, flag = true] { CHECK(!o == flag); }});
      CHECK_NOTHROW(greenlet{[flag = true, o = *empty, v = *blank] { CHECK(!o == flag); }});
      CHECK_NOTHROW(greenlet{[inner = [o = *empty] { return !o; }] { CHECK(inner()); }});
      // Not trivially copyable: member by member, but these as a whole.
      CHECK_NOTHROW(greenlet{[text, o = *empty] { CHECK(!o); }});
      CHECK_NOTHROW(greenlet{[o = *empty, text] { CHECK(!o); }});
      CHECK_NOTHROW(
          greenlet{[v = *letter, text, o = *empty_pair, id = 1] { CHECK(!o == (id == 1)); }});
      CHECK_NOTHROW(greenlet{std::bind([](auto&& o, int) { CHECK(!o); }, *empty, 1)});
      CHECK_NOTHROW(greenlet{[letter = envelope(*empty, text)] { CHECK(!letter.full()); }});
      const auto no_reference = [t = std::tuple(*empty, 1)] { CHECK(!std::get<0>(t)); };
      CHECK_NOTHROW(greenlet{no_reference});

      accept(*empty);
      accept(*empty_pair);
      accept(*letter);
      accept(*blank);
      accept(*one);
      accept(1, *empty, text);
      accept(std::pair(*blank, *empty));
      accept(envelope(*empty, text));
      accept(std::array{*empty, *empty});
    });
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S36: leftovers in padding raise no alarm") {
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 1;
      static int global = 1;
      int* const elsewhere = &global;
      // All bytes but the lowest of an address that is within the stack with any lowest byte.
      const made_in_dirt<padded> content(&local);
      const made_in_dirt<std::pair<int*, char>> pair(&local, elsewhere, 'c');
      CHECK_NOTHROW(greenlet{[c = *content] { CHECK(c.second == 2); }});
      CHECK_NOTHROW(
          greenlet{[c = *content, text = std::string("short")] { CHECK(c.second == 2); }});
      CHECK_NOTHROW(greenlet{[p = *pair] { CHECK(p.second == 'c'); }});
      accept(*content);
      accept(*pair);
      accept(elsewhere, 'c');
      accept('c', elsewhere, true);
    });
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S36: a type can be exempted, and so can a closure") {
  in(placement::lane, [] {
    int local = 1;
    const made_in_dirt<tagged> token(&local);
    REQUIRE(token.left_over(&local) >= 1);
    accept(*token);
    accept(1, *token);
    CHECK_NOTHROW(greenlet{offshoot::unchecked{[token = *token] { CHECK(token.number != 1); }}});
    // It is up to whoever says so: a true address is not seen either.
    const greenlet borrower{offshoot::unchecked{[&local](int number) { return number + local; }}};
    CHECK(borrower.switch_to(2).get<int>() == 3);
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S36: a million times over a dirtied stack") {
  constexpr int rounds = 50'000;  // with ten things handed over in each, for two placements
  for (const auto where : copied) {
    CAPTURE(test::name_of(where));
    in(where, [] {
      int local = 0;
      litter(&local);
      const greenlet taker{[] {
        for (;;) greenlet::current().parent().switch_to();
      }};
      taker.switch_to();
      const auto owner = std::make_unique<int>();
      int* const on_heap = owner.get();
      int alarms = 0;
      // Built in a frame of its own, over what was left there.
      const auto attempt = [&alarms](auto&& hand_over) {
        try {
          hand_over();
        } catch (const dangling_capture&) {
          ++alarms;
        }
      };
      for (int round = 0; round < rounds; ++round) {
        dirty_stack(&local);
        attempt([&] { greenlet{[o = std::optional<int*>(), round] { CHECK((!o || round)); }}; });
        dirty_stack(&local);
        attempt([&] {
          greenlet{
              [t = std::string("x"), o = std::optional<long>()] { CHECK((!o || !t.empty())); }};
        });
        dirty_stack(&local);
        attempt([&] { greenlet{[on_heap, flag = true] { CHECK((on_heap || flag)); }}; });
        dirty_stack(&local);
        attempt([&] {
          greenlet{std::function<void()>([on_heap, flag = true] { CHECK((on_heap || flag)); })};
        });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(std::optional<std::span<int>>()); });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(std::variant<int, std::string, int*>(round)); });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(on_heap, true); });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(std::string("short")); });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(round, std::string("text"), 'c'); });
        dirty_stack(&local);
        attempt([&] { taker.switch_to(std::pair<char, int*>('c', on_heap)); });
      }
      CHECK(alarms == 0);
    });
  }
}
