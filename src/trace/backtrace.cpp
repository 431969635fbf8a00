#include <offshoot/backtrace.hpp>
#include <offshoot/detail/stack_walk.hpp>
#include <offshoot/trace.hpp>

#include <algorithm>
#include <ostream>
#include <utility>

#include "core/circle.hpp"
#include "trace/symbols.hpp"

namespace offshoot {
namespace detail {
namespace {

std::string state_of(const greenlet& which) {
  if (which.dead()) return "finished";
  if (!which.started()) return "unstarted";
  return which == greenlet::current() ? "running" : "suspended";
}

stack_trace trace_of(const greenlet& which, const symbols& known, const void* returns_to) {
  stack_trace made;
  const std::vector<std::uintptr_t> addresses = walk_stack(which, returns_to);
  for (const std::uintptr_t address : addresses) known.look_up(address, made.frames);
  made.id = which.id();
  made.origin = describe(which);
  made.state = state_of(which);
  made.saved_bytes = which.stack_saved_bytes();
  circle<std::uint64_t> way;
  for (greenlet each = which.parent(); each && !way.closed_at(each.id());
       each = std::move(each).parent()) {
    made.parents.push_back(each.id());
  }
  return made;
}

void print(std::ostream& out, const stack_trace& trace, const std::string& indent) {
  out << indent << trace.origin << ", " << trace.state;
  if (trace.saved_bytes != 0) out << ", " << trace.saved_bytes << " bytes in its slice";
  for (std::size_t i = 0; i < trace.parents.size(); ++i) {
    out << (i == 0 ? ", parents: #" : ", #") << trace.parents[i];
  }
  out << '\n';
  std::size_t number = 0;
  for (const stack_frame& each : trace.frames) {
    out << indent << "  #" << number++ << ' ';
    if (each.function.empty()) {
      out << reinterpret_cast<const void*>(each.address);
    } else {
      out << each.function;
    }
    if (each.inlined) out << " (inlined)";
    if (each.line != 0) {
      out << " at " << each.file << ':' << each.line;
    } else if (!each.object.empty()) {
      out << " in " << each.object;
    }
    out << '\n';
  }
}

}  // namespace
}  // namespace detail

// Not inlined: their frames are what the trace of the current greenlet begins above.
[[gnu::noinline]] stack_trace backtrace(const greenlet& which) {
  return detail::trace_of(which, detail::symbols(), __builtin_return_address(0));
}

[[gnu::noinline]] std::vector<stack_trace> backtrace_all() {
  const void* const returns_to = __builtin_return_address(0);
  const detail::symbols known;
  std::vector<stack_trace> made;
  for_each_greenlet(
      [&](const greenlet& each) { made.push_back(detail::trace_of(each, known, returns_to)); });
  // An unstarted parent is not active, so not in the list, but is in the chain.
  const auto from_the_root = [](const stack_trace& trace) {
    std::vector<std::uint64_t> path(trace.parents.rbegin(), trace.parents.rend());
    path.push_back(trace.id);
    return path;
  };
  std::sort(made.begin(), made.end(), [&](const stack_trace& left, const stack_trace& right) {
    return from_the_root(left) < from_the_root(right);
  });
  return made;
}

std::ostream& operator<<(std::ostream& out, const stack_trace& trace) {
  detail::print(out, trace, "");
  return out;
}

std::ostream& operator<<(std::ostream& out, const std::vector<stack_trace>& traces) {
  for (const stack_trace& each : traces) {
    detail::print(out, each, std::string(each.parents.size() * 2, ' '));
  }
  return out;
}

}  // namespace offshoot
