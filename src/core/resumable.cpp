/// What is rare about the turns of a body and its consumers.
#include <offshoot/detail/resumable.hpp>

#include <string>

#include "core/control_block.hpp"

namespace offshoot::detail {

resumable::resumable() : lent_{begins, nullptr, access::block(greenlet::main())} {
  lent_.thread = this_thread;
}

void resumable::require_idle(const char* what) const {
  if (lent_.thread != this_thread) {
    throw wrong_thread(std::string("offshoot: this ") + what +
                       " belongs to the thread that made it; resume it there, or make one here");
  }
  if (!fresh() && !done() && lent_.state != key_of(lent_.thread)) {
    throw greenlet_error(std::string("offshoot: this ") + what +
                         " is at work already, for its own body or for another greenlet; wait "
                         "until that has got its answer");
  }
}

void resumable::require_fresh(const char* what) const {
  require_idle(what);
  if (done()) {
    throw greenlet_error(std::string("offshoot: this ") + what +
                         " has finished and cannot be resumed: make a new one");
  }
}

void resumable::throw_not_asked() const {
  control_block* const current = current_block();
  if (current != body_) {
    throw greenlet_error(
        "offshoot: only the body itself can yield; a greenlet that it started must return or "
        "switch back to it first");
  }
  static_cast<void>(switch_to(current));
  throw greenlet_error(
      "offshoot: nobody waits for what is yielded: somebody else than the consumer has switched to "
      "this body");
}

void resumable::throw_unasked() {
  if (current_block() == maker_) lent_.state = forsaken;
  throw greenlet_error(
      "offshoot: somebody else than its consumer has switched to this body, which had yielded");
}

void resumable::throw_interrupted() {
  throw greenlet_error(
      "offshoot: somebody else switched to this greenlet while it waited for a generator or "
      "coroutine, whose answer is lost");
}

void resumable::look_at_end() {
  if (done()) return;
  lent_.state = forsaken;
  throw_interrupted();
}

void resumable::attend_turn(control_block* target, passage came, std::uintptr_t before) {
  on_the_way_ = came == passage::refused;
  try {
    static_cast<void>(attend(target, came));
  } catch (...) {
    // Ours is the state of who waits for an answer, and of a body that nobody has asked for one.
    control_block* const self = current_block();
    const bool asked_in_vain = lent_.state == reinterpret_cast<std::uintptr_t>(self);
    const bool unasked = lent_.state == key_of(lent_.thread) && self == maker_;
    if (asked_in_vain || unasked) on_the_way_ ? give_up(before) : give_up(forsaken);
    on_the_way_ = false;
    throw;
  }
  on_the_way_ = false;
}

void resumable::give_up(std::uintptr_t before) noexcept {
  // One that has finished without having run: its tracer threw when it began.
  if (body_->state() == life::finished) done_ = true;
  const bool stands = before != begins || body_->state() == life::unstarted;
  lent_.state = stands ? before : forsaken;
}

}  // namespace offshoot::detail
