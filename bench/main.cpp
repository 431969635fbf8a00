/// Runs the benchmarks; all options of Google Benchmark work. Our own:
///     --all                       also what takes long or much memory
///     NAME N                      that benchmark N times and nothing else: to count instructions
///     --bytes WHAT COUNT          what bytes.cpp asks of a fresh process
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bytes.hpp"
#include "environment.hpp"
#include "harness.hpp"
#include "report.hpp"

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
  if (count == 4 && std::strcmp(arguments[1], "--bytes") == 0) {
    return bench::print_bytes(arguments[2], arguments[3]);
  }
  // Before the given ones, which therefore win.
  std::vector<std::string> options{arguments[0], "--benchmark_repetitions=9",
                                   "--benchmark_min_time=0.04",
                                   "--benchmark_enable_random_interleaving=true"};
  if (count == 3 && arguments[1][0] != '-') {
    bench::fixed_iterations = std::atoll(arguments[2]);
    options.push_back("--benchmark_repetitions=1");
    options.push_back(std::string("--benchmark_filter=^") + arguments[1] + "/iterations:");
  } else {
    options.insert(options.end(), arguments + 1, arguments + count);
    bench::everything = std::erase(options, "--all") != 0;
  }
  std::vector<char*> pointers;
  for (std::string& each : options) pointers.push_back(each.data());
  int given = static_cast<int>(pointers.size());
  benchmark::Initialize(&given, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(given, pointers.data())) return 1;

  say_where_we_are(bench::pin_to_one_core());
  bench::add_pairs();
  bench::add_copy();
  bench::add_create();
  bench::add_hand_over();
  bench::add_many();
  bench::add_bytes();
  bench::add_timers();
  bench::table report;
  benchmark::RunSpecifiedBenchmarks(&report);
}
