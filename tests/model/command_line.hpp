/// Numbers that a run of a test program can be given: `--NAME=N` or, for a run under a test
/// runner, OFFSHOOT_NAME=N in the environment.
#pragma once

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace model {

inline std::uint64_t number_given(const std::string& name, std::uint64_t otherwise) {
  std::ifstream arguments("/proc/self/cmdline", std::ios::binary);
  const std::string prefix = "--" + name + "=";
  for (std::string each; std::getline(arguments, each, '\0');) {
    if (each.compare(0, prefix.size(), prefix) == 0) return std::stoull(each.substr(prefix.size()));
  }
  std::string variable = "OFFSHOOT_";
  for (const char c : name)
    variable += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const char* found = std::getenv(variable.c_str());
  return found != nullptr ? std::stoull(found) : otherwise;
}

}  // namespace model
