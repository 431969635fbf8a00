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
  mismatch,     ///< a bad_value that the library is to throw
  returned,     ///< no message: a call that is no switch has come back
};

struct message {
  kind what = kind::nothing;
  std::uint64_t number = 0;
  std::exception_ptr error;

  bool raises() const noexcept { return what == kind::error || what == kind::mismatch; }
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
  static constexpr const char* names[] = {"nothing",     "number", "parcel",   "exit_value",
                                          "exit_raised", "error",  "mismatch", "returned"};
  return std::string(names[static_cast<std::size_t>(shown.what)]) + " " +
         std::to_string(shown.number);
}

}  // namespace model
