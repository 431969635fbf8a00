/// The C++ exception state is each greenlet's own.
#include <offshoot/greenlet.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "support/fixture.hpp"

using offshoot::greenlet;

namespace {

/// What is being handled now, "" if nothing.
std::string handled() {
  if (std::current_exception() == nullptr) return "";
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S26: greenlets suspended in catch blocks interleave freely") {
  for (const auto where : test::placements) {
    for (const auto other : test::placements) {
      CAPTURE(test::name_of(where));
      CAPTURE(test::name_of(other));
      const auto body = [](std::string name) {
        return [name] {
          CHECK(handled() == "");  // fresh: nothing of the starter's
          try {
            throw std::runtime_error(name);
          } catch (const std::runtime_error&) {
            test::to_parent();
            CHECK(handled() == name);
            try {
              throw std::logic_error(name + " inner");
            } catch (const std::logic_error&) {
              test::to_parent();
              CHECK(handled() == name + " inner");
            }
            test::to_parent();
            CHECK(handled() == name);
          }
          CHECK(handled() == "");
          test::to_parent();
          CHECK(handled() == "");
        };
      };
      const greenlet a{body("a"), {.where = where}};
      const greenlet b{body("b"), {.where = other}};
      try {
        throw std::runtime_error("main");
      } catch (const std::runtime_error&) {
        for (int round = 0; round < 5; ++round) {
          a.switch_to();
          CHECK(handled() == "main");
          b.switch_to();
          CHECK(handled() == "main");
        }
      }
      CHECK(handled() == "");
      CHECK(a.dead());
      CHECK(b.dead());
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S26: blocks left in another order than entered") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    constexpr int count = 20;  // more than lanes
    std::vector<greenlet> all;
    std::vector<std::string> seen(count);
    for (int i = 0; i < count; ++i) {
      all.emplace_back(
          [i, &seen] {
            try {
              throw std::runtime_error(std::to_string(i));
            } catch (const std::runtime_error&) {
              test::to_parent();
              try {
                throw;
              } catch (const std::runtime_error& mine) {
                seen[static_cast<std::size_t>(i)] = mine.what();
              }
            }
          },
          offshoot::options{.where = where});
      all.back().switch_to();
      CHECK(handled() == "");
    }
    for (std::size_t i = 0; i < all.size(); ++i) all[i * 7 % all.size()].switch_to();
    for (int i = 0; i < count; ++i) CHECK(seen[static_cast<std::size_t>(i)] == std::to_string(i));
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S26: a catch block once left does not come back") {
  // Resumed with an exception in hand, then suspended without one: what was handed over at the
  // first resumption must not be there at the second.
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    const greenlet g{[] {
                       try {
                         throw std::runtime_error("old");
                       } catch (const std::runtime_error&) {
                         test::to_parent();
                       }
                       CHECK(handled() == "");
                       test::to_parent();
                       CHECK(handled() == "");
                       CHECK(std::uncaught_exceptions() == 0);
                       test::to_parent();
                       CHECK(handled() == "");
                     },
                     {.where = where}};
    g.switch_to();
    g.switch_to();
    try {
      throw std::runtime_error("main");
    } catch (const std::runtime_error&) {
      g.switch_to();
      CHECK(handled() == "main");
    }
    g.switch_to();
    CHECK(g.dead());
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks, "S26: destructors that switch while an exception unwinds") {
  struct switches {
    int& uncaught;
    ~switches() {
      uncaught = std::uncaught_exceptions();
      greenlet::current().parent().switch_to();
      uncaught = uncaught == std::uncaught_exceptions() ? uncaught : -1;
    }
  };
  for (const auto where : test::placements) {
    for (const auto other : test::placements) {
      CAPTURE(test::name_of(where));
      CAPTURE(test::name_of(other));
      std::vector<std::string> caught;
      int uncaught[2] = {};
      const auto body = [&caught](std::string name, int& count) {
        return [name, &caught, &count] {
          CHECK(std::uncaught_exceptions() == 0);
          try {
            const switches outer{count};
            const switches inner{count};
            throw std::runtime_error(name);
          } catch (const std::runtime_error& error) {
            caught.push_back(error.what());
          }
          CHECK(std::uncaught_exceptions() == 0);
        };
      };
      const greenlet a{body("a", uncaught[0]), {.where = where}};
      const greenlet b{body("b", uncaught[1]), {.where = other}};
      for (int round = 0; round < 3; ++round) {
        a.switch_to();
        CHECK(std::uncaught_exceptions() == 0);
        b.switch_to();
        CHECK(std::uncaught_exceptions() == 0);
      }
      CHECK(caught == std::vector<std::string>{"a", "b"});
      CHECK(uncaught[0] == 1);
      CHECK(uncaught[1] == 1);
    }
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S26: started and finished by a destructor during unwinding") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    int inside = -1;
    struct starts {
      greenlet& target;
      ~starts() { target.switch_to(); }
    };
    greenlet g{[&inside] {
                 inside = std::uncaught_exceptions();
                 try {
                   throw 1;
                 } catch (int) {
                 }
               },
               {.where = where}};
    std::string caught;
    try {
      const starts guard{g};
      throw std::runtime_error("outer");
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    CHECK(inside == 0);
    CHECK(caught == "outer");
    CHECK(std::uncaught_exceptions() == 0);
  }
}

TEST_CASE_FIXTURE(test::nothing_leaks,
                  "S26: exceptions that travel between greenlets inside catch blocks") {
  for (const auto where : test::placements) {
    CAPTURE(test::name_of(where));
    std::string log;
    const greenlet g{[&log] {
                       try {
                         throw std::runtime_error("mine");
                       } catch (const std::runtime_error&) {
                         try {
                           test::to_parent();
                         } catch (const std::logic_error&) {
                           log += handled() + ",";
                         }
                         log += handled() + ",";
                         throw;
                       }
                     },
                     {.where = where}};
    g.switch_to();
    try {
      throw std::domain_error("main");
    } catch (const std::domain_error&) {
      CHECK_THROWS_WITH_AS(g.throw_in(std::logic_error("sent")), "mine", std::runtime_error);
      CHECK(handled() == "main");
    }
    CHECK(log == "sent,mine,");
  }
}
