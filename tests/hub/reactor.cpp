/// The book that all reactors share, driven by a backend whose events are made up here.
#include "hub/reactor.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

using offshoot::detail::reactor;
using offshoot::detail::reading;
using offshoot::detail::watch;
using offshoot::detail::writing;

namespace {

class made_up final : public reactor {
 public:
  void poll(std::int64_t) override {}
  void tell(std::uint64_t key, bool readable, bool writable, bool ended) noexcept {
    report(key, {.readable = readable, .writable = writable, .ended = ended});
  }
  std::vector<std::uint64_t> keys;  ///< of all that were ever watched, in their order
  int watched = 0;

 private:
  void start_watching(int, std::uint64_t key) override {
    keys.push_back(key);
    ++watched;
  }
  void stop_watching(int, std::uint64_t) noexcept override { --watched; }
};

}  // namespace

TEST_CASE("readiness is latched for each direction by itself") {
  made_up events;
  watch first;
  watch second;
  events.add(first);
  events.add(second);
  first.ready[writing] = false;
  events.tell(events.keys[0], true, false, false);
  CHECK(first.ready[reading]);
  CHECK_FALSE(first.ready[writing]);
  CHECK_FALSE(second.ready[reading]);
  events.tell(events.keys[0], false, true, false);
  CHECK(first.ready[writing]);
  CHECK_FALSE(first.ended);
  events.tell(events.keys[1], false, false, true);
  CHECK(second.ready[reading]);  // its end is there to be read
  CHECK(second.ended);
  events.forget(first);
  events.forget(second);
  CHECK(events.watched == 0);
}

TEST_CASE("an event of a forgotten descriptor does not reach its successor") {
  made_up events;
  watch old;
  events.add(old);
  events.forget(old);
  events.tell(events.keys[0], true, true, true);  // nobody there
  watch successor;
  events.add(successor);
  CHECK(successor.place == old.place);
  events.tell(events.keys[0], true, true, true);
  CHECK_FALSE(successor.ready[reading]);
  CHECK_FALSE(successor.ended);
  events.tell(events.keys[1], true, false, false);
  CHECK(successor.ready[reading]);
}

TEST_CASE("the alarm's key is nobody's") {
  made_up events;
  events.add_alarm(0);
  events.tell(events.keys[0], true, false, false);
  watch only;
  events.add(only);
  events.tell(events.keys[0], true, false, false);
  CHECK_FALSE(only.ready[reading]);
}
