/// Runs the benchmarks; all options of Google Benchmark work. Our own:
///     --iterations=N              each benchmark runs N times, once: for instruction counts
///     --resident WHAT COUNT       what resident.cpp asks of a fresh process
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "environment.hpp"
#include "harness.hpp"
#include "report.hpp"
#include "resident.hpp"

namespace {

void say_where_we_are(int core) {
  std::printf("CPU       %s, ", bench::cpu_name().c_str());
  std::printf(core < 0 ? "NOT PINNED\n" : "pinned to core %d\n", core);
  std::printf("compiler  %s\n", bench::compiler_name().c_str());
  std::printf("build     %s\n", bench::build_type().c_str());
  benchmark::AddCustomContext("cpu", bench::cpu_name());
  benchmark::AddCustomContext("compiler", bench::compiler_name());
  benchmark::AddCustomContext("build", bench::build_type());
  if (!bench::optimised()) {
    std::printf(
        "\n*** NOT OPTIMISED: these figures mean nothing. ***\n"
        "*** meson setup --buildtype=release            ***\n\n");
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 4 && std::strcmp(arguments[1], "--resident") == 0) {
    return bench::print_resident(arguments[2], arguments[3]);
  }
  // Before the given ones, which therefore win.
  char repetitions[] = "--benchmark_repetitions=9";
  char time[] = "--benchmark_min_time=0.04";
  char interleaved[] = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> options{arguments[0], repetitions, time, interleaved};
  char once[] = "--benchmark_repetitions=1";
  for (char* given : std::vector(arguments + 1, arguments + count)) {
    constexpr std::string_view iterations = "--iterations=";
    const std::string_view text(given);
    if (text.starts_with(iterations)) {
      std::from_chars(given + iterations.size(), given + text.size(), bench::fixed_iterations);
      options.push_back(once);
    } else {
      options.push_back(given);
    }
  }
  int given = static_cast<int>(options.size());
  benchmark::Initialize(&given, options.data());
  if (benchmark::ReportUnrecognizedArguments(given, options.data())) return 1;

  say_where_we_are(bench::pin_to_one_core());
  bench::add_switch_in_place();
  bench::add_switch_copying();
  bench::add_create();
  bench::add_hand_over();
  bench::add_round_robin();
  bench::add_resident();
  bench::table report;
  benchmark::RunSpecifiedBenchmarks(&report);
}
