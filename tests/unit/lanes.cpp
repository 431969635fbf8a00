/// Which lane a greenlet gets, and what an address on one is.
#include <offshoot/greenlet.hpp>
#include <offshoot/on_lane.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"
#include "support/readable.hpp"

using offshoot::greenlet;
using offshoot::on_lane;
using offshoot::placement;
using offshoot::set_lane_count;
using offshoot::detail::access;
using offshoot::detail::lane_set;
using offshoot::detail::region;

namespace {

const region* region_of(const greenlet& g) {
  return access::block(g)->where;
}

greenlet waiting() {
  greenlet made{[] { test::to_parent(); }};
  made.switch_to();
  return made;
}

/// A thread of its own, with `count` lanes.
template <class F>
void with_lanes(std::size_t count, F&& work) {
  std::thread([&] {
    set_lane_count(count);
    work();
  }).join();
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S30: lanes are mapped lazily, one mebibyte each with a guard page") {
  lane_set lanes;
  region& first = lanes.choose(nullptr, 0);
  CHECK(first.high - first.low <= lane_set::lane_bytes);
  CHECK(first.high - first.low > lane_set::lane_bytes - 8192);
  CHECK(first.shared_top);
  CHECK(first.save_limit == first.high);
  CHECK(first.high % offshoot::detail::stack_alignment == 0);
  CHECK(test::readable(first.low));
  CHECK_FALSE(test::readable(first.low - 1));
  CHECK_FALSE(test::readable(first.low - offshoot::detail::page_size()));
  CHECK(&lanes.choose(nullptr, 0) == &first);  // nobody is bound to it: no second one is needed
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S34: a lane with nobody bound, then the one with the fewest") {
  with_lanes(3, [] {
    std::vector<greenlet> all;
    std::set<const region*> used;
    for (int i = 0; i < 3; ++i) {
      all.push_back(waiting());
      CHECK(used.insert(region_of(all.back())).second);  // one each as long as there are any
    }
    const region* freed = region_of(all[1]);
    all[1].reset();
    all[1] = waiting();
    CHECK(region_of(all[1]) == freed);
    for (int i = 0; i < 6; ++i) all.push_back(waiting());
    for (const region* each : used) CHECK(each->users == 3);
    freed = region_of(all[2]);
    all[2].reset();
    all[2] = waiting();
    CHECK(region_of(all[2]) == freed);
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S34: never the starter's lane while another will do") {
  with_lanes(2, [] {
    std::vector<greenlet> all{waiting(), waiting(), waiting(), waiting()};
    const region* const other = region_of(all[0]);
    std::erase_if(all, [&](const greenlet& each) { return region_of(each) == other; });
    REQUIRE(all.size() == 2);
    const region* const crowded = region_of(all[0]);
    // The starter gets the empty one, which has the fewest even with it. Still it must be avoided.
    greenlet child;
    const region* starter_lane = nullptr;
    const greenlet starter{[&] {
      starter_lane = region_of(greenlet::current());
      child = greenlet{[] { test::to_parent(); }};
      child.switch_to();
    }};
    starter.switch_to();
    CHECK(starter_lane == other);
    CHECK(region_of(child) == crowded);
  });
  with_lanes(1, [] {
    greenlet child;
    const greenlet starter{[&] {
      child = greenlet{[] { test::to_parent(1); }};
      CHECK(child.switch_to().get<int>() == 1);
      CHECK(region_of(child) == region_of(greenlet::current()));  // there is no other
    }};
    starter.switch_to();
    CHECK(starter.dead());
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S34: a greenlet is bound to its lane for life") {
  with_lanes(2, [] {
    std::vector<greenlet> all;
    std::vector<const region*> at_start;
    for (int i = 0; i < 10; ++i) {
      all.emplace_back([] {
        for (int round = 0; round < 3; ++round) test::to_parent();
      });
      all.back().switch_to();
      at_start.push_back(region_of(all.back()));
    }
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].switch_to();
        CHECK(region_of(all[i]) == at_start[i]);
      }
    }
  });
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: on_lane tells addresses in this thread's lanes from others") {
  static int global = 0;
  int local = 0;
  CHECK_FALSE(on_lane(&local));
  CHECK_FALSE(on_lane(&global));
  CHECK_FALSE(on_lane(nullptr));
  const void* lane_address = nullptr;
  const greenlet g{[&] {
    int mine = 0;
    lane_address = &mine;
    CHECK(on_lane(&mine));
    CHECK_FALSE(on_lane(&local));
    {  // a handle to a child that stays on a suspended stack would keep both alive
      const greenlet below{[] {
                             int nested = 0;
                             CHECK(on_lane(&nested));
                             const greenlet own{[] {
                                                  int dedicated = 0;
                                                  CHECK_FALSE(on_lane(&dedicated));
                                                },
                                                {.where = placement::dedicated}};
                             own.switch_to();
                           },
                           {.where = placement::nested}};
      below.switch_to();
    }
    test::to_parent();
  }};
  g.switch_to();
  CHECK(on_lane(lane_address));  // also while its owner waits
  const region& lane = *region_of(g);
  CHECK(on_lane(reinterpret_cast<const void*>(lane.low)));
  CHECK(on_lane(reinterpret_cast<const void*>(lane.high - 1)));
  CHECK_FALSE(on_lane(reinterpret_cast<const void*>(lane.low - 1)));
  std::thread([&] {
    CHECK_FALSE(on_lane(lane_address));  // a thread without greenlets, then one with lanes
    waiting();
    CHECK_FALSE(on_lane(lane_address));
  }).join();
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S36: the number of lanes is set before the first is used, within bounds") {
  CHECK_THROWS_AS(set_lane_count(0), offshoot::greenlet_error);
  CHECK_THROWS_AS(set_lane_count(1025), offshoot::greenlet_error);
  waiting();
  CHECK_THROWS_AS(set_lane_count(4), offshoot::greenlet_error);
}
