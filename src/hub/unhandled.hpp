/// Exceptions that nobody can receive.
#pragma once

#include <exception>
#include <string_view>

namespace offshoot::detail {

/// Hands it to the process's unhandled handler.
void report_unhandled(std::exception_ptr exception, std::string_view task) noexcept;

}  // namespace offshoot::detail
