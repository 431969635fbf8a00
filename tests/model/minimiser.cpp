/// That the model test, when it fails, ends in a short program which shows why. What is odd: the
/// bug is planted in the model, not in the library, so the program must say of the right library
/// that it differs.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/minimise.hpp"
#include "model/trial.hpp"

namespace {

/// A directory that is gone at the end.
class scratch {
 public:
  scratch() {
    const char* chosen = std::getenv("TMPDIR");
    path_ = std::string(chosen != nullptr ? chosen : "/tmp") + "/offshoot-XXXXXX";
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    for (const char* each : {"program.cpp", "program", "output"}) unlink(file(each).c_str());
    rmdir(path_.c_str());
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string contents(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("a list shrinks to the elements that make it fail") {
  std::vector<int> list(1000);
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<int>(i);
  const auto holds = [](const std::vector<int>& in, int what) {
    return std::find(in.begin(), in.end(), what) != in.end();
  };
  std::size_t tried = 0;
  const auto fails = [&](const std::vector<int>& in) {
    ++tried;
    return holds(in, 3) && holds(in, 500) && holds(in, 501) && holds(in, 999);
  };
  const auto never = [] { return false; };
  CHECK(model::minimise(list, fails, never) == std::vector<int>{3, 500, 501, 999});
  CHECK(tried < 200);
  CHECK(model::minimise(list, fails, [] { return true; }) == list);
  CHECK(model::minimise(list, [](const auto&) { return true; }, never).empty());
}

TEST_CASE("a seed is the same run each time, with one thread and with three") {
  for (const std::uint64_t seed : {1U, 5U}) {
    const model::script told = model::script_of(seed, 2000);
    CHECK(told.threads == (seed == 1 ? 1 : 3));
    const model::verdict well = model::try_script(told, 60);
    CHECK_FALSE(well.failed);
    CHECK(well.steps == 2000);
    const std::string once = model::program_of(told, "nothing");
    CHECK((model::program_of(told, "nothing") == once));
    CHECK((count(once, "  meet(") > 0) == (seed == 5));
  }
}

TEST_CASE("a run that does not end is ended, and told by the signal") {
  const model::verdict late = model::try_script(model::script_of(1, 3'000'000), 1);
  CHECK(late.failed);
  CHECK(late.how.find("Alarm") != std::string::npos);
}

TEST_CASE("a seed that fails shrinks to a few steps, and to a program that fails too") {
  model::script failing = model::script_of(1, 20'000);
  REQUIRE_FALSE(model::try_script(failing, 60).failed);
  failing.planted = true;
  REQUIRE(model::try_script(failing, 60).failed);

  const model::script shorter = model::shorten(failing, 120);
  const model::verdict given = model::try_script(shorter, 60);
  REQUIRE(given.failed);
  MESSAGE(shorter.decisions.size() << " steps: " << given.how);
  CHECK(shorter.decisions.size() <= 25);

  const std::string program = model::program_of(shorter, given.how);
  CAPTURE(program);
  CHECK(program.find(given.how) != std::string::npos);
  // The bug takes three greenlets: one that has finished between two others.
  CHECK(count(program, " = greenlet(run_") >= 3);
  CHECK(count(program, ".switch_to(") + count(program, ".throw_in(") >= 2);
  CHECK(count(program, "must_not_run(") >= 2);

  const char* compiler = std::getenv("OFFSHOOT_COMPILE");
  const char* library = std::getenv("OFFSHOOT_LINK");
  if (compiler == nullptr || library == nullptr) {
    MESSAGE("OFFSHOOT_COMPILE and OFFSHOOT_LINK say no command: the program is not compiled");
    return;
  }
  const scratch in;
  std::ofstream(in.file("program.cpp")) << program;
  const std::string build =
      std::string(compiler) + " -o " + in.file("program") + " " +
                            in.file("program.cpp") + " " + library;
  REQUIRE(std::system(build.c_str()) == 0);
  const int status = std::system((in.file("program") + " 2>" + in.file("output")).c_str());
  CAPTURE(contents(in.file("output")));
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(contents(in.file("output")).find("runs on here, and must not") != std::string::npos);
}
