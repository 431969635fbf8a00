#include "environment.hpp"

#include <fstream>
#include <string>

#include <sched.h>

namespace bench {

std::string cpu_name() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string compiler_name() {
#ifdef __clang__
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string build_type() {
#ifdef NDEBUG
  return OFFSHOOT_BUILD_TYPE;
#else
  return OFFSHOOT_BUILD_TYPE ", with assertions";
#endif
}

bool optimised() {
#ifdef __OPTIMIZE__
  return true;
#else
  return false;
#endif
}

int pin_to_one_core() {
  const int core = sched_getcpu();
  if (core < 0) return -1;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<std::size_t>(core), &only);
  return sched_setaffinity(0, sizeof only, &only) == 0 ? core : -1;
}

std::size_t resident_bytes() {
  std::ifstream lines("/proc/self/status");
  std::size_t kibibytes = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("VmRSS:") || line.starts_with("VmPTE:")) {
      kibibytes += std::stoul(line.substr(line.find(':') + 1));
    }
  }
  return kibibytes << 10;
}

}  // namespace bench
