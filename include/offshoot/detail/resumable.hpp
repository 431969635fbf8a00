/// What generator and coroutine share: a greenlet that works for whoever resumes it, and goes back
/// there. Odd about it: nobody owns its parent, which changes with each resumption.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/extension.hpp>
#include <offshoot/detail/switch.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/export.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace offshoot::detail {

/// The turns of a body and its consumers. Lies on the heap, since both look at it; all but the
/// constructor is for the thread that made it.
///
/// One word, `lent_.state`, says how it stands, so that a turn reads one and writes one on either
/// side: an odd one of the constants below; the address of the thread while the body waits to be
/// resumed; or that of the consumer's control block while the body works.
///
/// Both sides of a turn, down from what the user calls, are always compiled into their callers: if
/// one were a call deeper than the other, the processor would mispredict every return behind it.
class OFFSHOOT_API resumable {
 public:
  resumable();
  resumable(const resumable&) = delete;
  resumable& operator=(const resumable&) = delete;

  /// Names the body. Its maker is not made its parent: a greenlet that has a generator on its stack
  /// would own itself.
  void bind(control_block* body) noexcept {
    body_ = body;
    maker_ = body;
    lend_parent(body, lent_);
  }
  control_block* body() const noexcept { return body_; }
  /// Whose body makes the consumer's next answer: ours, or one that works for it.
  control_block* maker() const noexcept { return maker_; }
  void set_maker(control_block* next) noexcept { maker_ = next; }
  /// The same, where the one before has been left behind. If that had yielded, nobody has asked for
  /// more.
  void interrupt(control_block* next) noexcept {
    maker_ = next;
    if (lent_.state == key_of(lent_.thread)) lent_.state = forsaken;
  }
  /// From now on this body, which is fresh, works for `outer`, which switches to it as to any
  /// greenlet.
  void work_for(const resumable& outer) noexcept {
    lent_.state = reinterpret_cast<std::uintptr_t>(outer.body_);
  }
  /// No longer.
  void work_no_more() noexcept {
    if (!done_) give_up(begins);
  }
  bool fresh() const noexcept { return lent_.state == begins; }
  bool done() const noexcept { return done_; }

  /// Throws unless the caller may look at it now: not while the body works, and not elsewhere.
  void require_idle(const char* what) const;
  /// Throws unless the caller may resume it now. Whether the body waits for that; else it is fresh.
  bool require_resumable(const char* what) const {
    const bool waits = lent_.state == key_of(this_thread);
    if (!waits) [[unlikely]]
      require_fresh(what);
    return waits;
  }
  /// Throws unless the caller is the body and somebody waits for what it, or `root` for which it
  /// works, yields. In a body that is being destroyed: the exit, again (S21).
  void require_asked(const resumable& root) const {
    const thread_head* const here = this_thread;
    if (here == nullptr || here->current != body_ || (root.lent_.state & 1) != 0) [[unlikely]]
      throw_not_asked();
  }

  /// The consumer's side: goes to `next`, which is the body or works for it, and returns when that
  /// has called `suspend` or finished. Throws what left the body. `waits` as of require_resumable.
  __attribute__((always_inline)) void resume(control_block* next, bool waits) {
    thread_head* const here = own_thread();
    const std::uintptr_t before = lent_.state;
    lent_.state = reinterpret_cast<std::uintptr_t>(here->current);
    turn_to(*here, next, waits, before);
    if (lent_.state != key_of(lent_.thread)) [[unlikely]]
      look_at_end();
  }

  /// The body's side, or that of who works for it, when asked: goes back to the consumer until that
  /// resumes.
  __attribute__((always_inline)) void suspend() {
    thread_head* const here = own_thread();
    const std::uintptr_t before = lent_.state;
    lent_.state = key_of(here);
    turn_to(*here, reinterpret_cast<control_block*>(before), true, before);
    if (lent_.state == key_of(lent_.thread)) [[unlikely]]
      throw_unasked();
  }

  /// While the body's function runs.
  class at_work {
   public:
    /// `work` is part of `place`.
    at_work(resumable& work, std::shared_ptr<const void> place) noexcept
        : work_(work), place_(std::move(place)) {
      work.on_the_way_ = false;
    }
    ~at_work() {
      work_.done_ = true;  // and the state still says who gets the end
      if (place_.use_count() == 1) [[unlikely]]
        keep_parent(work_.body_);
    }
    at_work(const at_work&) = delete;
    at_work& operator=(const at_work&) = delete;

   private:
    resumable& work_;
    std::shared_ptr<const void> place_;
  };

  [[noreturn]] static void throw_interrupted();
  [[noreturn]] void throw_not_asked() const;

 private:
  // No address is odd.
  static constexpr std::uintptr_t begins = 1;
  static constexpr std::uintptr_t forsaken = 3;  ///< at work, and nobody waits for it

  /// Whoever calls has found out that this is its thread.
  static thread_head* own_thread() noexcept {
    thread_head* const here = this_thread;
    if (here == nullptr) __builtin_unreachable();
    return here;
  }

  void require_fresh(const char* what) const;
  [[noreturn]] void throw_unasked();
  /// After a turn in which nobody suspended: throws unless the body has finished.
  void look_at_end();
  /// Switches, by registers alone if `target` waits for that; the state was `before`.
  __attribute__((always_inline)) void turn_to(thread_head& here, control_block* target, bool waits,
                                              std::uintptr_t before) {
    control_block* to = target;
    passage came = passage::refused;
    if (waits && here.quiet()) [[likely]]
      came = leave_for<passage::quiet>(here, to);
    if (came != passage::quiet) [[unlikely]]
      attend_turn(target, came, before);
  }
  /// The rest of a switch that `leave_for` could not make, or after which there is something to
  /// look at. If it throws with nobody gone anywhere, the state is as `before`.
  void attend_turn(control_block* target, passage came, std::uintptr_t before);
  /// Nobody waits for the body any more. The state is as `before` if that is yet to be switched to.
  void give_up(std::uintptr_t before) noexcept;

  control_block* body_ = nullptr;   ///< not owned: the handle beside this owns it
  control_block* maker_ = nullptr;  ///< nor this one
  lent_parent lent_;
  /// A switch with a turn was begun the slow way, and nobody has arrived yet.
  bool on_the_way_ = false;
  bool done_ = false;
};

/// The run function of such a greenlet: the body as the user gave it, and where it works.
template <class Workplace, class F>
struct body_run {
  F body;
  Workplace* place;

  void operator()() {
    // The body may end its own handle.
    const resumable::at_work working(place->turns(), place->shared_from_this());
    place->work(body);
  }
};

/// The body is looked at as if it stood alone.
template <class Workplace, class F>
struct inspection<body_run<Workplace, F>> {
  static constexpr bool possible = can_hold_address<F>;
  static finding look(const body_run<Workplace, F>& object, const address_range& own) noexcept {
    return inspect<F>(object.body, own);
  }
};

/// Makes the greenlet in which `body` works at `place`. `chosen.parent` does not count.
template <class Workplace, class F>
greenlet make_body(Workplace& place, F&& body, options chosen, spawn_site site) {
  refuse_null_run(body);
  chosen.parent.reset();
  greenlet made{body_run<Workplace, std::decay_t<F>>{std::forward<F>(body), &place}, chosen, site};
  place.turns().bind(access::block(made));
  return made;
}

}  // namespace offshoot::detail
