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

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

struct ending {
  int status = -1;  ///< -1 too if it was ended by a signal
  std::string output;
};

bool can_compile() {
  const bool told = std::getenv("OFFSHOOT_COMPILE") != nullptr;
  if (!told) MESSAGE("OFFSHOOT_COMPILE says no command: the program is not compiled");
  return told;
}

ending compile_and_run(const std::string& program) {
  const scratch in;
  std::ofstream(in.file("program.cpp")) << program;
  const std::string build = std::getenv("OFFSHOOT_COMPILE") + std::string(" -o ") +
                            in.file("program") + " " + in.file("program.cpp") + " " +
                            std::getenv("OFFSHOOT_LINK");
  REQUIRE(std::system(build.c_str()) == 0);
  const int status = std::system((in.file("program") + " >" + in.file("output") + " 2>&1").c_str());
  std::ifstream output(in.file("output"));
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          {std::istreambuf_iterator<char>(output), {}}};
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
  CHECK(model::minimise(
            list, [](const auto&) { return true; }, never)
            .empty());
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

  if (!can_compile()) return;
  const ending end = compile_and_run(program);
  CAPTURE(end.output);
  CHECK(end.status == 1);
  CHECK(end.output.find("runs on here, and must not") != std::string::npos);
}

TEST_CASE("the program of a run that does not fail finds that nothing differs") {
  if (!can_compile()) return;
  for (const std::uint64_t seed : {2U, 15U}) {
    CAPTURE(seed);
    const std::string program = model::program_of(model::script_of(seed, 500), "nothing");
    CHECK(count(program, "attempt(") > 10);
    const ending end = compile_and_run(program);
    CHECK(end.status == 0);
    CHECK(end.output == "nothing differs\n");
  }
}
