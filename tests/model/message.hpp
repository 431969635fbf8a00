/// What travels between greenlets in the model test, as the model sees it and as the library does.
#pragma once

#include <offshoot/errors.hpp>
#include <offshoot/value.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace model {

enum class kind : std::uint8_t {
  nothing,
  number,
  parcel,
  exit_value,   ///< greenlet_exit as a value
  exit_raised,  ///< greenlet_exit as an exception
  error,        ///< any other exception, known by its identity
  broken,       ///< a payload that throws when it is moved: never arrives
  mismatch,     ///< a bad_value that the library is to throw
  returned,     ///< no message: a call that is no switch has come back
};

struct message {
  kind what = kind::nothing;
  std::uint64_t number = 0;
  std::exception_ptr error;

  bool raises() const noexcept {
    return what == kind::error || what == kind::broken || what == kind::mismatch;
  }
};

/// A payload that cannot travel inside a value, and counts how many of it there are.
class parcel {
 public:
  explicit parcel(std::uint64_t contents) : number(contents) { alive.fetch_add(1); }
  parcel(parcel&& other) noexcept : number(other.number) { alive.fetch_add(1); }
  parcel& operator=(parcel&&) = delete;
  ~parcel() { alive.fetch_sub(1); }

  std::uint64_t number;
  static inline std::atomic<long> alive{0};
};

/// An owner of something, by count, in a capture: there is one for each run function that has not
/// ended.
class cargo {
 public:
  explicit cargo(std::atomic<long>& count) : count_(&count) { ++*count_; }
  cargo(const cargo& other) noexcept : count_(other.count_) { ++*count_; }
  cargo& operator=(const cargo&) = delete;
  ~cargo() { --*count_; }

 private:
  std::atomic<long>* count_;
};

/// What moving something fragile throws.
struct broke {
  std::uint64_t number;
};

/// Counts like a cargo, and throws when it is moved for the `moves`-th time, 0 being the first.
class fragile : cargo {
 public:
  fragile(std::atomic<long>& count, unsigned moves, std::uint64_t contents)
      : cargo(count), moves_(moves), number_(contents) {}
  fragile(fragile&& other) : cargo(other), moves_(other.moves_ - 1), number_(other.number_) {
    if (other.moves_ == 0) throw broke{number_};
  }
  fragile& operator=(fragile&&) = delete;
  ~fragile() = default;

 private:
  unsigned moves_;
  std::uint64_t number_;
};

struct model_error {
  std::uint64_t number;
};

/// What the library is handed for a message that is a value.
inline offshoot::value to_value(const message& sent) {
  switch (sent.what) {
    case kind::number:
      return offshoot::value(sent.number);
    case kind::parcel:
      return offshoot::value(parcel(sent.number));
    case kind::exit_value:
      return offshoot::value(offshoot::greenlet_exit{});
    default:
      return {};
  }
}

/// What the library delivered.
inline message describe(const offshoot::value& got) {
  if (!got.has_value()) return {kind::nothing, 0, nullptr};
  if (const auto* number = got.get_if<std::uint64_t>()) return {kind::number, *number, nullptr};
  if (const auto* boxed = got.get_if<parcel>()) return {kind::parcel, boxed->number, nullptr};
  if (got.holds<offshoot::greenlet_exit>()) return {kind::exit_value, 0, nullptr};
  return {kind::returned, 0, nullptr};
}

/// The exception that is being handled.
inline message describe_caught() {
  try {
    throw;
  } catch (const offshoot::greenlet_exit&) {
    return {kind::exit_raised, 0, nullptr};
  } catch (const model_error& thrown) {
    return {kind::error, thrown.number, std::current_exception()};
  } catch (const broke& thrown) {
    return {kind::broken, thrown.number, std::current_exception()};
  } catch (const offshoot::bad_value&) {
    return {kind::mismatch, 0, std::current_exception()};
  } catch (...) {
    return {kind::error, 0, std::current_exception()};
  }
}

/// Whether `got` is what was expected.
inline bool matches(const message& expected, const message& got) noexcept {
  if (expected.what == kind::error) return got.error == expected.error;
  return expected.what == got.what && expected.number == got.number;
}

inline std::string to_string(const message& shown) {
  static constexpr const char* names[] = {"nothing",    "number",      "parcel",
                                          "exit_value", "exit_raised", "error",
                                          "broken",     "mismatch",    "returned"};
  return std::string(names[static_cast<std::size_t>(shown.what)]) + " " +
         std::to_string(shown.number);
}

/// As the argument of a call, in a printed program.
inline std::string to_code(const message& shown) {
  const std::string number = "(" + std::to_string(shown.number) + ")";
  switch (shown.what) {
    case kind::number:
      return "number" + number;
    case kind::parcel:
      return "parcel" + number;
    case kind::exit_value:
    case kind::exit_raised:
      return "greenlet_exit()";
    case kind::error:
      return "error" + number;
    default:
      return "value()";
  }
}

}  // namespace model
