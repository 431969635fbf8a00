#include "model/program.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace model {
namespace {

/// What every printed program begins with.
constexpr const char* prelude = R"(#include <offshoot/offshoot.hpp>

#include <alloca.h>

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <utility>

using offshoot::greenlet;
using offshoot::greenlet_exit;
using offshoot::placement;
using offshoot::value;

namespace {

// Payloads. A fragile one throws when it is moved.
std::uint64_t number(std::uint64_t n) { return n; }
struct parcel {
  explicit parcel(std::uint64_t n) : number(n) {}
  parcel(parcel&& other) noexcept : number(other.number) {}
  std::uint64_t number;
};
struct error {
  explicit error(std::uint64_t n) : number(n) {}
  std::uint64_t number;
};
struct fragile {
  explicit fragile(std::uint64_t n) : number(n) {}
  fragile(fragile&& other) : number(other.number) { throw error(number); }
  std::uint64_t number;
};

[[noreturn]] void differs(int me, const std::string& what) {
  std::fprintf(stderr, "greenlet %d: %s\n", me, what.c_str());
  std::_Exit(1);
}

std::string describe(const value& got) {
  if (!got.has_value()) return "nothing 0";
  if (const auto* n = got.get_if<std::uint64_t>()) return "number " + std::to_string(*n);
  if (const auto* p = got.get_if<parcel>()) return "parcel " + std::to_string(p->number);
  return "exit_value 0";
}
std::string describe_caught() {
  try {
    throw;
  } catch (const greenlet_exit&) {
    return "exit_raised 0";
  } catch (const error& thrown) {
    return "thrown " + std::to_string(thrown.number);
  } catch (const offshoot::bad_value&) {
    return "thrown 0";
  } catch (...) {
    return "another exception";
  }
}

// Bytes of its own in each frame, which nobody else writes.
struct frame {
  frame* outer;
  std::uint64_t* words;
  std::size_t count;
  std::uint64_t word(std::size_t i) const {
    return reinterpret_cast<std::uintptr_t>(words + i) * 0x9e3779b97f4a7c15U;
  }
};
extern frame* innermost[];

void check_frames(int me) {
  for (const frame* each = innermost[me]; each != nullptr; each = each->outer) {
    for (std::size_t i = 0; i < each->count; ++i) {
      if (each->words[i] != each->word(i)) differs(me, "a frame has changed");
    }
  }
}
void comes(int me, const std::string& expected, const std::string& got) {
  check_frames(me);
  if (got != expected && expected != "anything") differs(me, got + " came, and not " + expected);
}
void comes(int me, const std::string& expected, const value& got) {
  comes(me, expected, describe(got));
}
[[noreturn]] void must_not_run(int me) { differs(me, "runs on here, and must not"); }

// The last thing that this greenlet does.
template <class Call>
[[noreturn]] void ends_in(int me, Call call) {
  try {
    call();
  } catch (...) {
  }
  must_not_run(me);
}

template <class Call, class Handler>
void attempt(int me, const std::string& expected, Call call, Handler handler) {
  try {
    call();
  } catch (...) {
    comes(me, expected, describe_caught());
    handler();
    return;
  }
  differs(me, "nothing was thrown, and not " + expected);
}

// `unwinding` is what its destructor does when an exception passes.
template <class Body, class Unwinding>
[[gnu::noinline]] void in_frame(int me, std::size_t words, Body body, Unwinding unwinding) {
  struct guard : frame {
    int me;
    Unwinding& unwinding;
    int in_flight = std::uncaught_exceptions();
    guard(const frame& mine, int whose, Unwinding& what) : frame(mine), me(whose), unwinding(what) {
      for (std::size_t i = 0; i < count; ++i) this->words[i] = word(i);
      innermost[me] = this;
    }
    ~guard() {
      if (std::uncaught_exceptions() > in_flight) {
        try {
          unwinding();
        } catch (...) {
        }
      }
      innermost[me] = outer;
    }
  } const mine({innermost[me], static_cast<std::uint64_t*>(alloca(words * 8)), words}, me, unwinding);
  body();
}
template <class Body>
void in_frame(int me, std::size_t words, Body body) {
  in_frame(me, words, body, [] {});
}
template <class Body>
[[gnu::noinline]] void dive(int me, std::size_t frames, Body body) {
  in_frame(me, 100, [&] { frames > 1 ? dive(me, frames - 1, body) : body(); });
}

std::barrier<>* meeting_of_all = nullptr;
// Meets the other threads; between two meetings each drops what another gave away.
template <class Drops>
void meet(Drops drops) {
  meeting_of_all->arrive_and_wait();
  drops();
  meeting_of_all->arrive_and_wait();
}
// A call that only the model test can make.
[[noreturn]] greenlet without_handle(const char* name) {
  std::fprintf(stderr, "%s has no handle: replay the seed\n", name);
  std::_Exit(0);
}

)";

struct token {
  std::string what;
  std::string rest;
};

/// `error 3`, `broken 3` and `mismatch 0` are one for a program: something else is thrown.
std::string expectation(const std::string& message) {
  for (const char* each : {"error ", "broken ", "mismatch "}) {
    if (message.rfind(each, 0) == 0) return "thrown " + message.substr(std::string(each).size());
  }
  return message;
}

std::string as_value(const std::string& message) {
  const std::string what = message.substr(0, message.find(' '));
  const std::string number = message.substr(message.find(' ') + 1);
  if (what == "number" || what == "parcel") return "value(" + what + "(" + number + "))";
  if (what == "exit_value") return "value(greenlet_exit())";
  return "value()";
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

/// The body of one greenlet's run function.
class body_writer {
 public:
  body_writer(const std::vector<token>& tokens, std::size_t me)
      : tokens_(tokens), me_(std::to_string(me)) {}

  std::string write() {
    std::string text = block(1);
    if (!returned_) text += "  must_not_run(" + me_ + ");\n";
    return text;
  }

 private:
  bool next_is(const char* what) const { return at_ < tokens_.size() && tokens_[at_].what == what; }

  std::string block(std::size_t depth) {
    std::string text;
    while (at_ < tokens_.size() && !next_is("end") && !next_is("unwinding")) {
      text += statement(depth);
    }
    return text;
  }

  /// Up to and with its `end`, if the run came so far.
  std::string closed_block(std::size_t depth) {
    std::string text = block(depth);
    if (next_is("end")) ++at_;
    return text;
  }

  std::string statement(std::size_t depth) {
    const std::string in(2 * depth, ' ');
    const token now = tokens_[at_++];
    if (now.what == "first")
      return in + "comes(" + me_ + ", " + quoted(expectation(now.rest)) +
             ", value(std::move(first)));\n";
    if (now.what == "say") return in + now.rest + ";\n";
    if (now.what == "throw") return in + "throw;\n";
    if (now.what == "done") {
      returned_ = true;
      return {};
    }
    if (now.what == "return") {
      returned_ = true;
      return in + "return " + as_value(now.rest) + ";\n";
    }
    if (now.what == "op" || now.what == "do") {
      if (next_is("came")) {
        const std::string got = tokens_[at_++].rest;
        if (now.what == "op")
          return in + "comes(" + me_ + ", " + quoted(got) + ", " + now.rest + ");\n";
        return in + now.rest + ";\n" + in + "check_frames(" + me_ + ");\n";
      }
      return with_handler(in + now.rest + ";\n", depth, true);
    }
    if (now.what == "dive") {
      return with_handler(in + "dive(" + me_ + ", " + now.rest + ", [&] {\n" +
                              closed_block(depth + 1) + in + "});\n",
                          depth, false);
    }
    if (now.what == "frame") {
      std::string text = in + "in_frame(" + me_ + ", " + now.rest + ", [&] {\n" + block(depth + 1);
      if (next_is("unwinding")) {
        ++at_;
        text += in + "}, [&] {\n" + closed_block(depth + 1);
      }
      if (next_is("end")) ++at_;
      return with_handler(text + in + "});\n", depth, false);
    }
    return in + "// " + now.what + " " + now.rest + "\n";
  }

  std::string with_handler(const std::string& call, std::size_t depth, bool is_last) {
    const std::string in(2 * depth, ' ');
    const bool caught = next_is("caught");
    if (!caught && !is_last) return call;
    std::string inner;
    for (const char each : call) {
      if (inner.empty() || inner.back() == '\n') inner += "  ";
      inner += each;
    }
    if (!caught) return in + "ends_in(" + me_ + ", [&] {\n" + inner + in + "});\n";
    const std::string thrown = expectation(tokens_[at_++].rest);
    return in + "attempt(" + me_ + ", " + quoted(thrown) + ", [&] {\n" + inner + in + "}, [&] {\n" +
           closed_block(depth + 1) + in + "});\n";
  }

  const std::vector<token>& tokens_;
  std::string me_;
  std::size_t at_ = 0;
  bool returned_ = false;
};

std::string with_commas(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& each : names) text += (text.empty() ? "" : ", ") + each;
  return text;
}

bool is_thread(const std::string& who) {
  return who.size() == 2 && who[1] == '0';
}

}  // namespace

std::string to_program(const std::vector<std::string>& lines, const script& told,
                       const std::string& how) {
  std::map<std::string, std::vector<token>> runs;
  std::set<std::string> handles;
  std::set<std::string> take_number;
  std::set<std::string> used;
  for (const std::string& line : lines) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.find(' ', first + 1);
    const std::string who = line.substr(0, first);
    const token read{line.substr(first + 1, second - first - 1),
                     second == std::string::npos ? "" : line.substr(second + 1)};
    handles.insert(who);
    handles.insert(who + "_too");
    if (read.what == "takes_number" || read.what == "takes_any") {
      used.insert(read.rest);
      handles.insert(read.rest);
      handles.insert(read.rest + "_too");
      if (read.what == "takes_number") take_number.insert(read.rest);
      continue;
    }
    if (read.rest.rfind("gift_", 0) == 0)
      handles.insert(read.rest.substr(0, read.rest.find_first_of(" .")));
    runs[who].push_back(read);
  }

  const auto head = [&](const std::string& who) {
    if (is_thread(who)) return "void thread_" + who.substr(0, 1) + "()";
    return "value run_" + who +
           (take_number.count(who) != 0 ? "(std::uint64_t first)" : "(value first)");
  };
  std::string text = "// " + how + "\n// Seed " + std::to_string(told.seed) + ", " +
                     std::to_string(told.decisions.size()) + " steps.\n" + prelude;
  for (const std::string& each : used) text += head(each) + ";\n";
  text += "greenlet " + with_commas(handles) + ";\n\n";
  std::size_t index = 0;
  for (const auto& [who, tokens] : runs) {
    text += head(who) + " {\n";
    if (is_thread(who)) {
      text += "  offshoot::set_lane_count(" + std::to_string(told.lanes) + ");\n";
      text += "  " + who + " = greenlet::main();\n";
    }
    text += body_writer(tokens, index++).write() + "}\n";
  }
  for (const std::string& each : used) {
    if (runs.count(each) == 0)
      text += head(each) + " { must_not_run(" + std::to_string(index++) + "); }\n";
  }
  text +=
      "frame* innermost[" + std::to_string(index) + "] = {};\n\n}  // namespace\n\nint main() {\n";
  text +=
      "  offshoot::set_unraisable_handler([](std::exception_ptr, const greenlet&) noexcept {});\n";
  text += "  std::barrier<> meeting(" + std::to_string(told.threads) +
          ");\n  meeting_of_all = &meeting;\n";
  std::string joins;
  for (const auto& [who, tokens] : runs) {
    if (!is_thread(who)) continue;
    const std::string letter = who.substr(0, 1);
    text += "  std::thread on_" + letter + "(thread_" + letter + ");\n";
    joins += "  on_" + letter + ".join();\n";
  }
  return text + joins + "  std::puts(\"nothing differs\");\n}\n";
}

}  // namespace model
