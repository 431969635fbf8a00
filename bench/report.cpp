#include "report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "harness.hpp"

namespace bench {
namespace {

/// What the library promises. Without `under` the figure stands for itself.
struct promise {
  const char* what;
  const char* over;
  const char* under;
  double at_most;
};
constexpr std::array promises{
    promise{"in-place switch_to / Boost fiber resume", "switch_in_place/lane",
            "switch_in_place/boost_fiber", 0.8},
    promise{"copying 256 live bytes / two memcpys of 256", "switch_copying/lane/256",
            "switch_copying/two_memcpys/256", 4},
    promise{"resident bytes of each of 1 000 000, 150 live", "resident/lane/1000000", nullptr, 700},
};

}  // namespace

bool table::ReportContext(const Context&) {
  return true;
}

void table::ReportRuns(const std::vector<Run>& runs) {
  std::vector<double> samples;
  bool bytes = false;
  for (const Run& run : runs) {
    if (run.error_occurred) {
      std::printf("%s failed: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
    } else if (run.run_type == Run::RT_Iteration) {
      const auto counter = run.counters.find(bytes_counter);
      bytes = counter != run.counters.end();
      samples.push_back(bytes ? counter->second.value : run.GetAdjustedCPUTime());
    }
  }
  if (samples.empty()) return;
  std::sort(samples.begin(), samples.end());
  rows_.insert_or_assign(runs.front().run_name.function_name,
                         row{samples[samples.size() / 2], samples.front(), bytes});
}

void table::Finalize() {
  print_rows();
  print_ratios();
}

void table::print_rows() const {
  std::printf("%-40s %12s %12s\n", "", "median", "minimum");
  std::string subject;
  for (const std::string& name : registered) {
    const auto found = rows_.find(name);
    if (found == rows_.end()) continue;
    const std::string its_subject = name.substr(0, name.find('/'));
    if (its_subject != subject) std::printf("\n");
    subject = its_subject;
    const row& figures = found->second;
    const char* unit = figures.bytes ? "B" : "ns";
    std::printf("%-40s %9.1f %-2s %9.1f %s\n", name.c_str(), figures.median, unit, figures.minimum,
                unit);
  }
}

void table::print_ratios() const {
  std::printf("\n");
  for (const promise& each : promises) {
    const auto over = rows_.find(each.over);
    const auto under = each.under != nullptr ? rows_.find(each.under) : over;
    if (over == rows_.end() || under == rows_.end()) continue;
    const row divisor = each.under != nullptr ? under->second : row{1, 1, false};
    const double median = over->second.median / divisor.median;
    std::printf("%-48s %7.2f (minima %.2f), promised at most %g: %s\n", each.what, median,
                over->second.minimum / divisor.minimum, each.at_most,
                median <= each.at_most ? "kept" : "NOT KEPT");
  }
}

}  // namespace bench
