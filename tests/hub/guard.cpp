/// The hub in guarded mode: a transfer that would touch another greenlet's stack names it.
#include <offshoot/guard.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>

#include "hub/fixture.hpp"
#include "hub/network.hpp"

namespace {

[[maybe_unused]] const bool chosen = [] {
  offshoot::set_guard_mode(offshoot::guard_mode::copied);
  return true;
}();

std::span<std::byte> lent;  // by a greenlet, on whose stack it lies

template <class F>
void check_refused(const F& transfer) {
  try {
    transfer();
    FAIL_CHECK("the transfer was made");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::bad_address);
    const std::string said = error.what();
    CHECK(said.find("the buffer lies on the stack of greenlet 'lender' #") != std::string::npos);
    CHECK(said.find("guard.cpp:") != std::string::npos);
  }
}

}  // namespace

TEST_CASE_FIXTURE(test::hub_leaves_nothing, "no transfer reaches into a suspended stack") {
  test::run_in_time([] {
    auto ends = test::connect_pair();
    const auto lend = [] {
      std::array<std::byte, 64> local{};
      lent = local;
      offshoot::sleep_for(std::chrono::hours(1000));
    };
    const auto lender = offshoot::spawn(lend, {.name = "lender"});
    offshoot::yield();
    ends.client.send_all(test::bytes_of("question"));
    check_refused([&ends] { ends.server.receive_some(lent); });
    check_refused([&ends] { ends.client.send_all(lent); });
    CHECK(ends.server.receive().text() == "question");  // nothing was lost
    lender.kill();
    offshoot::yield();
  });
}
