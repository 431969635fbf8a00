/// The tracer, and the list of greenlets.
#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::set_trace;
using offshoot::trace_event;

namespace {

using log = std::vector<std::string>;

std::string label(const greenlet& g) {
  return g == greenlet::main() ? "main" : std::string(g.name());
}

/// Notes events, and that each is told by whom it reached.
auto note_in(log& events) {
  return [&events](trace_event event, const greenlet& from, const greenlet& to) {
    CHECK(greenlet::current() == to);
    events.push_back((event == trace_event::thrown ? "throw " : "switch ") + label(from) + " " +
                     label(to));
  };
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: every arrival is traced: start, switch, throw, finish") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    log events;
    const greenlet g{[] {
                       test::to_parent();
                       try {
                         test::to_parent();
                       } catch (int) {
                       }
                       throw 2;
                     },
                     {.where = where, .name = "g"}};
    greenlet dropped{[] { test::to_parent(); }, {.where = where, .name = "dropped"}};
    dropped.switch_to();
    CHECK_FALSE(set_trace(note_in(events)));
    g.switch_to();
    g.switch_to();
    CHECK_THROWS_AS(g.throw_in(1), int);
    dropped.reset();
    CHECK(set_trace({}));
    CHECK(events == log{"switch main g", "switch g main", "switch main g", "switch g main",
                        "throw main g", "throw g main", "throw main dropped",
                        "switch dropped main"});
    greenlet([] {}).switch_to();
    CHECK(events.size() == 8);
    CHECK_FALSE(set_trace({}));
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: the tracer is called before the payload is looked at") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    log events;
    const greenlet g{[&events](int got) { events.push_back("run " + std::to_string(got)); },
                     {.where = where, .name = "g"}};
    set_trace(note_in(events));
    g.switch_to(5);
    set_trace({});
    CHECK(events == log{"switch main g", "run 5", "switch g main"});
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: a tracer that throws is removed and its exception replaces the payload") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int calls = 0;
    const auto throws = [&calls](trace_event, const greenlet&, const greenlet&) {
      ++calls;
      throw calls;
    };
    bool ran = false;
    greenlet g{[&] { ran = true; }, {.where = where}};
    set_trace(throws);
    CHECK_THROWS_AS(g.switch_to(), int);  // at the start: as if the run function had thrown it
    CHECK(calls == 1);
    CHECK_FALSE(ran);
    CHECK(g.dead());
    CHECK_FALSE(set_trace({}));  // it was removed

    std::string caught;
    g = greenlet{[&] {
                   try {
                     test::to_parent();
                   } catch (int) {
                     caught = "int";
                   } catch (...) {
                     caught = "what was sent";
                   }
                 },
                 {.where = where}};
    g.switch_to();
    set_trace(throws);
    g.throw_in(std::string("sent"));
    CHECK(calls == 2);
    CHECK(caught == "int");
    CHECK_FALSE(set_trace({}));
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: a tracer's own switches are not traced; it may replace itself") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    log events;
    const greenlet helper{[] {
                            for (;;) test::to_parent();
                          },
                          {.parent = greenlet::main(), .where = offshoot::placement::dedicated}};
    const greenlet g{[] { test::to_parent(); }, {.where = where, .name = "g"}};
    set_trace([&](trace_event, const greenlet& from, const greenlet& to) {
      events.push_back(label(from) + " " + label(to));
      const greenlet inner{[] {}, {.where = offshoot::placement::dedicated}};
      inner.switch_to();
      if (events.size() == 2) set_trace({});
    });
    g.switch_to();
    g.switch_to();
    CHECK(events == log{"main g", "g main"});
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S33: a tracer belongs to its thread") {
  log events;
  set_trace(note_in(events));
  std::thread([] {
    const greenlet g{[] {}};
    g.switch_to();
    CHECK_FALSE(set_trace([](trace_event, const greenlet&, const greenlet&) {}));
  }).join();
  CHECK(events.empty());
  set_trace({});
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S33: a tracer that cannot be given back goes on") {
  struct uncopied {
    uncopied(int& calls, bool& refuses) : count(&calls), refused(&refuses) {}
    uncopied(const uncopied& other) : count(other.count), refused(other.refused) {
      if (*refused) throw std::bad_alloc();
    }
    uncopied& operator=(const uncopied&) = delete;
    ~uncopied() = default;
    void operator()(trace_event, const greenlet&, const greenlet&) const { ++*count; }
    int* count;
    bool* refused;
  };
  int calls = 0;
  bool refuses = false;
  set_trace(uncopied(calls, refuses));
  refuses = true;
  CHECK_THROWS_AS(set_trace({}), std::bad_alloc);
  const greenlet g{[] {}};
  g.switch_to();
  CHECK(calls == 2);
  refuses = false;
  set_trace({});
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: a tracer that is there when its thread ends may use greenlets") {
  int traced = 0;
  bool ran = false;
  std::thread([&] {
    const std::shared_ptr<int> last(new int(0), [&ran](const int* counted) {
      const greenlet g{[&ran] { ran = true; }};
      g.switch_to();
      delete counted;
    });
    set_trace([last, &traced](trace_event, const greenlet&, const greenlet&) { ++traced; });
    thread_local greenlet left{[] { test::to_parent(); }};
    left.switch_to();
    CHECK(traced == 2);
  }).join();
  CHECK(ran);
  CHECK(traced == 4);  // the end of what was left, and none of its own
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S33: for_each_greenlet visits the active ones of this thread") {
  const greenlet active{[] { test::to_parent(); }, {.name = "active"}};
  active.switch_to();
  const greenlet unstarted{[] {}, {.name = "unstarted"}};
  const greenlet finished{[] {}, {.name = "finished"}};
  finished.switch_to();
  log names;
  const auto visit = [&names](const greenlet& each) { names.push_back(label(each)); };
  offshoot::for_each_greenlet(visit);
  std::sort(names.begin(), names.end());
  CHECK(names == log{"active", "main"});
  std::thread([&] {
    names.clear();
    offshoot::for_each_greenlet(visit);
    CHECK(names == log{"main"});
  }).join();
}
