#include "hub/unhandled.hpp"

#include <offshoot/hub/errors.hpp>

#include <atomic>
#include <cstdio>
#include <utility>

namespace offshoot {

would_block_forever::~would_block_forever() = default;

namespace {

void print_unhandled(std::exception_ptr exception, std::string_view task) noexcept {
  const char* what = "an exception that is no std::exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {  // the words above
  }
  std::fprintf(stderr, "offshoot: task '%.*s' threw and was not joined: %s\n",
               static_cast<int>(task.size()), task.data(), what);
}

std::atomic<unhandled_handler> unhandled{&print_unhandled};

}  // namespace

unhandled_handler set_unhandled_handler(unhandled_handler handler) noexcept {
  const auto before = unhandled.exchange(handler != nullptr ? handler : &print_unhandled);
  return before == &print_unhandled ? nullptr : before;
}

namespace detail {

void report_unhandled(std::exception_ptr exception, std::string_view task) noexcept {
  unhandled.load(std::memory_order_acquire)(std::move(exception), task);
}

}  // namespace detail
}  // namespace offshoot
