#include <offshoot/value.hpp>

#include <cstdlib>
#include <memory>

#include <cxxabi.h>

#include "core/type_name.hpp"

namespace offshoot::detail {

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> readable(
      __cxxabiv1::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? readable.get() : type.name();
}

void throw_bad_value(const std::type_info& wanted, const std::type_info* held) {
  const auto describe = [](const std::type_info& type) {
    return type == typeid(void) ? std::string("nothing") : type_name(type);
  };
  throw bad_value("offshoot: " + describe(wanted) + " was expected and " +
                  describe(held != nullptr ? *held : typeid(void)) +
                  " was passed; types must match exactly, so convert before the switch");
}

}  // namespace offshoot::detail
