/// Addresses as text and as the system has them.
#include "hub/address.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

using namespace offshoot::detail;

namespace {

template <class F>
int error_of(F call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

}  // namespace

TEST_CASE("an Internet address is the same text again, with the link that it is of") {
  const unsigned loopback = if_nametoindex("lo");
  REQUIRE(loopback != 0);
  for (const std::string text : {"127.0.0.1", "::1", "fe80::1%lo"}) {
    const socket_address parsed = parse_address(text, 7);
    CHECK(host_of(parsed) == text);
    CHECK(port_of(parsed) == 7);
  }
  const socket_address numbered = parse_address("fe80::1%" + std::to_string(loopback), 7);
  CHECK(reinterpret_cast<const sockaddr_in6&>(numbered.storage).sin6_scope_id == loopback);
  CHECK(host_of(numbered) == "fe80::1%lo");
  CHECK(host_of(parse_address("fe80::1%4000000000", 7)) == "fe80::1%4000000000");  // it has gone
  for (const auto text : {"", "%lo", "fe80::1%", "fe80::1%no-such-link", "127.0.0.1%lo", "a"}) {
    CAPTURE(text);
    CHECK(error_of([text] { parse_address(text, 7); }) == EINVAL);
  }
}

TEST_CASE("the path of a Unix socket may be as long as there is room") {
  constexpr std::size_t room = sizeof(sockaddr_un::sun_path);
  const std::string abstract = std::string(1, '\0') + std::string(room - 1, 'x');
  CHECK(path_of(parse_path(abstract)) == abstract);
  CHECK(error_of([&] { parse_path(abstract + "x"); }) == ENAMETOOLONG);
  const std::string path(room - 1, 'x');
  CHECK(path_of(parse_path(path)) == path);
  CHECK(error_of([&] { parse_path(path + "x"); }) == ENAMETOOLONG);
  CHECK(error_of([] { parse_path(""); }) == EINVAL);
}
