#include "hub/waiting.hpp"

#include <string>

namespace offshoot::detail {

waiting_line::~waiting_line() {
  while (list_hook* first = members.first()) {
    first->unlink();
    as_record(*first).deserted = true;
    // Their thread may be at its end, its hub gone.
    if (scheduler::find() == home_ && home_ != nullptr) scheduler::find()->wake(as_record(*first));
  }
}

scheduler& waiting_line::enter() const {
  scheduler& here = scheduler::here();
  if (home_ == nullptr) home_ = &here;
  if (home_ != &here) {
    throw wrong_thread(
        "offshoot: a primitive of synchronisation belongs to another thread's hub; between threads "
        "use a shared_channel or a future");
  }
  return here;
}

record* waiting_line::give_to_first() noexcept {
  list_hook* const first = members.first();
  if (first == nullptr) return nullptr;
  record& waiting = as_record(*first);
  give_to(waiting);
  return &waiting;
}

void throw_destroyed(const char* reason) {
  throw greenlet_error(std::string("offshoot: what a greenlet waited for, ") + reason +
                       ", was destroyed meanwhile");
}

}  // namespace offshoot::detail
