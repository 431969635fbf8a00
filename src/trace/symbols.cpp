/// By libdw of elfutils. It speaks of a module: an object file at the place where it is mapped.
#include "trace/symbols.hpp"

#include <cstdlib>
#include <string>
#include <utility>

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

namespace offshoot::detail {
namespace {

struct free_memory {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

std::string text(const char* words) {
  return words != nullptr ? words : "";
}

std::string demangle(const char* name) {
  if (name == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, free_memory> plain(
      abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return plain != nullptr ? plain.get() : name;
}

/// The function that a piece of debug information is of: by its linkage name, which has parameters.
std::string name_of(Dwarf_Die* function) {
  for (const unsigned kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    Dwarf_Attribute found;
    if (dwarf_attr_integrate(function, kind, &found) != nullptr) {
      return demangle(dwarf_formstring(&found));
    }
  }
  return text(dwarf_diename(function));
}

using scope_list = std::vector<Dwarf_Die>;

/// The scopes that an address is in, innermost first; an inlined function is in who called it.
scope_list scopes_at(Dwarf_Die* unit, std::uintptr_t address) {
  const auto take = [](Dwarf_Die* found, int count) {
    const std::unique_ptr<Dwarf_Die, free_memory> owned(found);
    return count > 0 ? scope_list(found, found + count) : scope_list();
  };
  Dwarf_Die* found = nullptr;
  // From the first inlined function on these lead to where it was written, not called.
  int count = dwarf_getscopes(unit, address, &found);
  scope_list innermost = take(found, count);
  if (innermost.empty()) return innermost;
  found = nullptr;
  count = dwarf_getscopes_die(innermost.data(), &found);
  return take(found, count);
}

/// Where the innermost function at an address is at work.
struct position {
  std::string file;
  std::uint32_t line = 0;
};

position position_of(Dwarf_Die* unit, std::uintptr_t address) {
  position found;
  Dwarf_Line* row = dwarf_getsrc_die(unit, address);
  if (row == nullptr) return found;
  int line = 0;
  if (dwarf_lineno(row, &line) == 0) found.line = static_cast<std::uint32_t>(line);
  found.file = text(dwarf_linesrc(row, nullptr, nullptr));
  return found;
}

/// The compilation unit that an address is in, by the table of addresses or, since clang writes
/// none, by asking one after the other. `bias` is what addresses in it differ by.
Dwarf_Die* unit_at(Dwfl_Module* module, std::uintptr_t address, Dwarf_Addr& bias) {
  Dwarf_Die* unit = dwfl_module_addrdie(module, address, &bias);
  if (unit != nullptr) return unit;
  do {
    unit = dwfl_module_nextcu(module, unit, &bias);
  } while (unit != nullptr && dwarf_haspc(unit, address - bias) <= 0);
  return unit;
}

/// Where an inlined function was called.
position call_of(Dwarf_Die* unit, Dwarf_Die* inlined) {
  position found;
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  Dwarf_Files* files = nullptr;
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
      dwarf_getsrcfiles(unit, &files, nullptr) == 0) {
    found.file = text(dwarf_filesrc(files, number, nullptr, nullptr));
  }
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0) {
    found.line = static_cast<std::uint32_t>(number);
  }
  return found;
}

}  // namespace

void symbols::end::operator()(Dwfl* session) const noexcept {
  dwfl_end(session);
}

symbols::symbols() {
  static const Dwfl_Callbacks callbacks{&dwfl_linux_proc_find_elf, &dwfl_standard_find_debuginfo,
                                        nullptr, nullptr};
  session_.reset(dwfl_begin(&callbacks));
  if (session_ == nullptr) return;
  dwfl_report_begin(session_.get());
  dwfl_linux_proc_report(session_.get(), getpid());
  dwfl_report_end(session_.get(), nullptr, nullptr);
}

void symbols::look_up(std::uintptr_t address, std::vector<stack_frame>& frames) const {
  stack_frame frame;
  frame.address = address;
  Dwfl_Module* module = session_ != nullptr ? dwfl_addrmodule(session_.get(), address) : nullptr;
  if (module == nullptr) {
    frames.push_back(std::move(frame));
    return;
  }
  const char* object = nullptr;
  dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, &object, nullptr);
  frame.object = text(object);
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = unit_at(module, address, bias);
  position at;
  if (unit != nullptr) at = position_of(unit, address - bias);
  for (Dwarf_Die& each : unit != nullptr ? scopes_at(unit, address - bias) : scope_list()) {
    Dwarf_Die* scope = &each;
    const int tag = dwarf_tag(scope);
    if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) continue;
    frame.function = name_of(scope);
    if (tag == DW_TAG_subprogram) break;
    stack_frame inlined = frame;
    inlined.file = at.file;
    inlined.line = at.line;
    inlined.inlined = true;
    frames.push_back(std::move(inlined));
    frame.function.clear();
    at = call_of(unit, scope);
  }
  if (frame.function.empty()) frame.function = demangle(dwfl_module_addrname(module, address));
  frame.file = std::move(at.file);
  frame.line = at.line;
  frames.push_back(std::move(frame));
}

}  // namespace offshoot::detail
