/// doctest's main; in guarded mode it leaves out what cannot hold there, and under a sanitizer what
/// tests/sanitizers.txt does, which comes by environment. Sees to the program's branch targets.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>
#include <string_view>

#include <doctest/doctest.h>

#include "support/branch_targets.hpp"
#include "support/not_in_guarded_mode.hpp"

int main(int argc, char** argv) {
  test::check_branch_targets();
  doctest::Context context(argc, argv);
  const char* guarded = std::getenv("OFFSHOOT_GUARD");
  if (guarded != nullptr && std::string_view(guarded) != "0") {
    for (const auto& each : test::not_in_guarded_mode) {
      context.addFilter("test-case-exclude", each.test_case);
    }
  }
  if (const char* excluded = std::getenv("OFFSHOOT_EXCLUDED_TEST_CASES")) {
    context.addFilter("test-case-exclude", excluded);
  }
  return context.run();
}
