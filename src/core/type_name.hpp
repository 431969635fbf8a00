/// Types as a reader knows them, for messages.
#pragma once

#include <string>
#include <typeinfo>

namespace offshoot::detail {

std::string type_name(const std::type_info& type);

}  // namespace offshoot::detail
