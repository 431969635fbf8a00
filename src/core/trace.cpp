#include "core/trace.hpp"

#include <utility>

#include "core/drop.hpp"

namespace offshoot {
namespace detail {

void trace_arrival(thread_state& here, trace_event event, const greenlet& from,
                   delivery& got) noexcept {
  const std::shared_ptr<tracer> callback = here.trace;  // it may replace itself
  if (callback == nullptr || here.tracing_now) return;
  here.tracing_now = true;
  try {
    (*callback)(event, from, access::share(here.current));
  } catch (...) {
    here.trace.reset();
    got.payload.reset();
    got.error = std::current_exception();
  }
  here.tracing_now = false;
  here.look_at_current();
}

}  // namespace detail

tracer set_trace(tracer callback) {
  detail::thread_state& here = detail::thread_state::get();
  auto next = callback ? std::make_shared<tracer>(std::move(callback)) : nullptr;
  tracer before = here.trace != nullptr ? *here.trace : tracer{};  // while nothing has changed
  here.trace.swap(next);
  here.look_at_current();
  return before;
}

void for_each_greenlet(const std::function<void(const greenlet&)>& visit) {
  detail::thread_state& here = detail::thread_state::get();
  visit(detail::access::share(here.main));
  for (detail::control_block* each = here.live; each != nullptr; each = each->next_live) {
    visit(detail::access::share(each));
  }
}

copy_counts copies() noexcept {
  const detail::thread_state* const here = detail::thread_state::here();
  return here != nullptr ? here->copies : copy_counts{};
}

}  // namespace offshoot
