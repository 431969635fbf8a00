#include "report.hpp"

#include <algorithm>
#include <cstdio>

#include "harness.hpp"

namespace bench {

bool table::ReportContext(const Context&) {
  return true;
}

void table::ReportRuns(const std::vector<Run>& runs) {
  std::vector<double> samples;
  bool bytes = false;
  double evictions = -1;
  for (const Run& run : runs) {
    if (run.error_occurred) {
      std::printf("%s failed: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
    } else if (run.run_type == Run::RT_Iteration) {
      const auto counter = run.counters.find(bytes_counter);
      bytes = counter != run.counters.end();
      const auto evicting = run.counters.find(evictions_counter);
      if (evicting != run.counters.end()) evictions = evicting->second.value;
      samples.push_back(bytes ? counter->second.value : run.GetAdjustedCPUTime());
    }
  }
  if (samples.empty()) return;
  std::sort(samples.begin(), samples.end());
  rows_.insert_or_assign(runs.front().run_name.function_name,
                         row{samples[samples.size() / 2], samples.front(), bytes, evictions});
}

void table::Finalize() {
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
    std::printf("%-40s %9.1f %-2s %9.1f %-2s", name.c_str(), figures.median, unit, figures.minimum,
                unit);
    if (figures.evictions >= 0) std::printf("  evictions per switch %.2f", figures.evictions);
    std::printf("\n");
  }
}

}  // namespace bench
