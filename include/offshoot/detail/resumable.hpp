/// What generator and coroutine share: a greenlet that works for whoever resumes it, and goes back
/// there. Odd about it: nobody owns its parent, which changes with each resumption.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/extension.hpp>
#include <offshoot/errors.hpp>
#include <offshoot/greenlet.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace offshoot::detail {

/// The turns of a body and its consumers. Lies on the heap, since both look at it; all but the
/// constructor is for the thread that made it.
class resumable {
 public:
  resumable() : main_(access::block(greenlet::main())), thread_(this_thread) {}
  resumable(const resumable&) = delete;
  resumable& operator=(const resumable&) = delete;

  /// Names the body. Its maker is not made its parent: a greenlet that has a generator on its stack
  /// would own itself.
  void bind(control_block* body) noexcept {
    body_ = body;
    return_to_main();
  }
  control_block* body() const noexcept { return body_; }
  bool fresh() const noexcept { return phase_ == phase::fresh; }
  bool done() const noexcept { return phase_ == phase::done; }

  /// Throws unless the caller may look at it now: not while the body works, and not elsewhere.
  void require_idle(const char* what) const {
    if (thread_ != this_thread) {
      throw wrong_thread(std::string("offshoot: this ") + what +
                         " belongs to the thread that made it; resume it there, or make one here");
    }
    if (phase_ == phase::running) {
      throw greenlet_error(std::string("offshoot: this ") + what +
                           " is at work already, for its own body or for another greenlet; wait "
                           "until that has got its answer");
    }
  }
  /// Throws unless the caller may resume it now.
  void require_resumable(const char* what) const {
    require_idle(what);
    if (done()) {
      throw greenlet_error(std::string("offshoot: this ") + what +
                           " has finished and cannot be resumed: make a new one");
    }
  }
  /// Throws unless the caller is the body and somebody waits for what it, or `root` for which it
  /// works, yields. In a body that is being destroyed: the exit, again (S21).
  void require_asked(const resumable& root) const {
    control_block* const current = current_block();
    if (current != body_) {
      throw greenlet_error(
          "offshoot: only the body itself can yield; a greenlet that it started must return or "
          "switch back to it first");
    }
    if (root.consumer_ == nullptr) {
      static_cast<void>(switch_to(current));
      throw greenlet_error(
          "offshoot: nobody waits for what is yielded: somebody else than the consumer has "
          "switched to this body");
    }
  }

  /// The consumer's side: goes to `next`, which is the body or works for it, and returns when that
  /// has called `suspend` or finished. Throws what left the body.
  void resume(control_block* next) {
    const turn mine(*this);
    static_cast<void>(switch_to(next));
    if (phase_ == phase::running) throw_interrupted();
  }

  /// The body's side, or that of who works for it, when asked: goes back to the consumer until that
  /// resumes.
  void suspend() {
    const pause waiting(*this);
    static_cast<void>(switch_to(consumer_));
  }

  /// While the body's function runs.
  class at_work {
   public:
    explicit at_work(resumable& work) noexcept : work_(work) { work.phase_ = phase::running; }
    ~at_work() { work_.phase_ = phase::done; }
    at_work(const at_work&) = delete;
    at_work& operator=(const at_work&) = delete;

   private:
    resumable& work_;
  };

  /// The consumer's end may come; that of the main greenlet does not.
  void return_to_main() const noexcept { lend_parent(body_, main_); }

  [[noreturn]] static void throw_interrupted() {
    throw greenlet_error(
        "offshoot: somebody else switched to this greenlet while it waited for a generator or "
        "coroutine, whose answer is lost");
  }

 private:
  enum class phase : std::uint8_t { fresh, suspended, running, done };

  class turn {
   public:
    explicit turn(resumable& work) : work_(work) {
      work.consumer_ = current_block();
      lend_parent(work.body_, work.consumer_);
    }
    ~turn() {
      work_.consumer_ = nullptr;
      work_.return_to_main();
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

   private:
    resumable& work_;
  };

  class pause {
   public:
    explicit pause(resumable& work) noexcept : work_(work) { work.phase_ = phase::suspended; }
    ~pause() { work_.phase_ = phase::running; }
    pause(const pause&) = delete;
    pause& operator=(const pause&) = delete;

   private:
    resumable& work_;
  };

  control_block* body_ = nullptr;      ///< not owned: the handle beside this owns it
  control_block* consumer_ = nullptr;  ///< who waits in resume()
  control_block* main_;                ///< of the thread; not owned
  const thread_head* thread_;
  phase phase_ = phase::fresh;
};

/// The run function of such a greenlet: the body as the user gave it, and where it works.
template <class Workplace, class F>
struct body_run {
  F body;
  Workplace* place;

  void operator()() {
    const auto keep = place->shared_from_this();  // the body may end its own handle
    const resumable::at_work working(keep->turns());
    keep->work(body);
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
