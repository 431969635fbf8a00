#include <offshoot/hub/timeout.hpp>

#include "hub/scheduler.hpp"

namespace offshoot {

timed_out::~timed_out() = default;

namespace detail {
namespace {

thread_local constinit std::uint64_t scopes_made = 0;

}  // namespace

timeout_scope::timeout_scope(instant deadline)
    : deadline_(deadline), number_(++scopes_made), owner_(&scheduler::here().current_record()) {
  outer_ = std::exchange(owner_->innermost, this);
}

timeout_scope::~timeout_scope() {
  timeout_scope** place = &owner_->innermost;
  while (*place != this) place = &(*place)->outer_;
  *place = outer_;
}

timeout_scope* timeout_scope::first_due(const record& self) noexcept {
  timeout_scope* first = self.innermost;
  for (timeout_scope* each = first; each != nullptr; each = each->outer_) {
    if (each->deadline_ <= first->deadline_) first = each;
  }
  return first;
}

void timeout_scope::expire() {
  deadline_ = never;
  throw timed_out(number_);
}

void timeout_scope::keep_back(const record& self, const timed_out& error) noexcept {
  for (timeout_scope* each = self.innermost; each != nullptr; each = each->outer_) {
    if (each->is_source_of(error)) each->deadline_ = now();
  }
}

void timeout_scope::check(const record& self) {
  timeout_scope* const first = first_due(self);
  if (first->deadline_ != never && first->deadline_ <= now()) first->expire();
}

}  // namespace detail
}  // namespace offshoot
