/// What the debug information of the running program says of addresses.
#pragma once

#include <offshoot/backtrace.hpp>

#include <cstdint>
#include <memory>
#include <vector>

struct Dwfl;

namespace offshoot::detail {

/// Knows what is mapped when it is made. Throws std::bad_alloc.
class symbols {
 public:
  symbols();

  /// Appends the frame at `address`, after those of the functions that are inlined there.
  void look_up(std::uintptr_t address, std::vector<stack_frame>& frames) const;

 private:
  struct end {
    void operator()(Dwfl* session) const noexcept;
  };
  std::unique_ptr<Dwfl, end> session_;  // null: nothing is known
};

}  // namespace offshoot::detail
