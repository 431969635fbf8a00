/// The table that a run prints: of each benchmark the median and the minimum of its repetitions,
/// and then the ratios that are promised. All at the end, since repetitions are run in random
/// order.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace bench {

class table : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  struct row {
    double median;
    double minimum;
    bool bytes;        ///< else nanoseconds
    double evictions;  ///< per switch; negative: not counted
  };

  std::map<std::string, row> rows_;
};

}  // namespace bench
