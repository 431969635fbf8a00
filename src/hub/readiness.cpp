/// Readiness as a case of `select`. What the hub has latched may be out of date; so the descriptor
/// itself is asked before a handler is called.
#include <offshoot/hub/detail/readiness_case.hpp>

#include <poll.h>

#include "hub/socket.hpp"

namespace offshoot::detail {
namespace {

constexpr auto operation_of_select = "select";

}  // namespace

readiness_case::readiness_case(const socket& which, bool to_send)
    : watch_(&usable(which.watch_, operation_of_select)), way_(to_send ? writing : reading) {
  ++watch_->holders;
}

readiness_case::~readiness_case() {
  let_go(*watch_);
}

bool readiness_case::try_now() {
  if (watch_->fd < 0) throw_closed_meanwhile(operation_of_select);
  if (!watch_->ready[way_]) return false;
  // If not, what comes after this answer makes an event of its own.
  watch_->ready[way_] = watch_->calls->is_ready(watch_->fd, way_ == reading ? POLLIN : POLLOUT);
  return watch_->ready[way_];
}

bool readiness_case::begin_wait(std::uint32_t) {
  take_place(*watch_, way_, scheduler::find()->current_record(), operation_of_select);
  return true;
}

bool readiness_case::end_wait(bool, bool) noexcept {
  leave_place(*watch_, way_);
  return false;
}

}  // namespace offshoot::detail
