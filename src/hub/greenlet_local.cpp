#include <offshoot/hub/greenlet_local.hpp>

#include <atomic>

#include "hub/scheduler.hpp"

namespace offshoot::detail {
namespace {

std::unique_ptr<local_value>* place_of(record& self, std::uint64_t variable) noexcept {
  for (auto* place = &self.locals; *place != nullptr; place = &(*place)->next) {
    if ((*place)->variable == variable) return place;
  }
  return nullptr;
}

}  // namespace

local_value::~local_value() = default;

std::uint64_t new_variable() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

local_value* find_local(std::uint64_t variable) {
  auto* const place = place_of(scheduler::here().current_record(), variable);
  return place != nullptr ? place->get() : nullptr;
}

void add_local(std::unique_ptr<local_value> made) {
  record& self = scheduler::here().current_record();
  made->next = std::move(self.locals);
  self.locals = std::move(made);
}

void drop_local(std::uint64_t variable) noexcept {
  auto* const found = static_cast<record*>(extension_of(current_block()));
  auto* const place = found != nullptr ? place_of(*found, variable) : nullptr;
  if (place == nullptr) return;
  const auto dropped = std::move(*place);
  *place = std::move(dropped->next);
}

}  // namespace offshoot::detail
