/// `coroutine<Out(In)>`: a greenlet that answers calls, with both types known.
#pragma once

#include <offshoot/detail/resumable.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/greenlet.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace offshoot {

template <class Signature>
class coroutine;

/// A body that runs as a greenlet and is resumed by being called:
///
///     coroutine<int(std::string)> lengths{[](auto& self, std::string text) {
///       while (text != "stop") text = self.yield(static_cast<int>(text.size()));
///       return 0;
///     }};
///     int four = lengths("four"), zero = lengths("stop");  // and lengths.done()
///
/// The first call starts the body with its argument; each later one makes the pending `yield`
/// return its argument. A call returns what the body yields next or, at last, returns. `Out` may be
/// void, and `In` may be left out: `coroutine<void()>`. Arguments and answers are moved through
/// typed storage on the heap: nothing is boxed or looked up. References may be passed where what
/// they refer to is not on a stack that gets copied; otherwise `dangling_capture` is thrown.
///
/// An exception that leaves the body comes out of the call, once, and ends the coroutine. This
/// handle owns the body, is move-only, and ends a suspended body by `greenlet_exit` when it goes
/// away (S20), so the body's destructors have run when its own returns. It must not go away while
/// another greenlet waits in a call. Captures of the body that own the coroutine itself keep both
/// alive for ever.
///
/// For the thread that made it, and there for any greenlet: each answer goes to the caller, who is
/// the body's parent meanwhile. Moved from, it is empty, and a call throws `greenlet_error`.
template <class Out, class... In>
class coroutine<Out(In...)> {
  static_assert(sizeof...(In) <= 1, "a coroutine takes one argument at most; use a struct");
  /// What each call brings: void if nothing.
  using in = typename decltype([] {
    if constexpr (sizeof...(In) == 0) {
      return std::type_identity<void>{};
    } else {
      return std::type_identity<In...>{};
    }
  }())::type;

 public:
  class self;

  /// `body` is callable with a `self&` and, if there is one, the argument of the first call, and
  /// returns the last answer. Of `chosen`, the parent does not count. Throws what making a greenlet
  /// throws, `dangling_capture` among them.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, coroutine> &&
           std::is_invocable_r_v<Out, std::decay_t<F>&, self&, In...>)  //
      explicit coroutine(F&& body, const options& chosen = {},
                         spawn_site site = spawn_site::current())
      : place_(std::make_shared<self>(typename self::key{})),
        body_(detail::make_body(*place_, std::forward<F>(body), chosen, site)) {}

  coroutine(coroutine&&) noexcept = default;
  coroutine& operator=(coroutine other) noexcept {
    place_.swap(other.place_);
    body_.swap(other.body_);
    return *this;
  }
  ~coroutine() = default;

  /// Runs the body until it yields or returns. Throws what leaves the body; `greenlet_error` if it
  /// has finished, is at work already, or ends with `greenlet_exit` and so without an answer;
  /// `wrong_thread`; std::bad_alloc, after which the same call can be made again.
  __attribute__((always_inline)) Out operator()(In... argument) {
    if (place_ == nullptr) throw_empty();
    return place_->answer(detail::access::block(body_), static_cast<In&&>(argument)...);
  }

  /// Whether the body has finished: no more calls. Throws `greenlet_error` if moved from.
  bool done() const {
    if (place_ == nullptr) throw_empty();
    return place_->turns().done();
  }

 private:
  [[noreturn]] static void throw_empty() {
    throw greenlet_error("offshoot: this coroutine is empty: it was moved from");
  }

  std::shared_ptr<self> place_;
  greenlet body_;  // ends first
};

/// Where a body gives its answers to. Lies on the heap, so a reference to it may be handed on and
/// captured freely; to be used in the body's own greenlet only, else it throws `greenlet_error`.
template <class Out, class... In>
class coroutine<Out(In...)>::self : public std::enable_shared_from_this<self> {
 public:
  /// Makes the pending call return `answer` (nothing, if Out is void). Returns the argument of the
  /// next call. Throws `greenlet_exit` if the coroutine goes away instead.
  template <class O = Out>
  requires(!std::is_void_v<O>) __attribute__((always_inline)) in
      yield(std::type_identity_t<O> answer) {
    turns_.require_asked(turns_);
    out_.put(static_cast<O&&>(answer));
    turns_.suspend();
    return in_.take();
  }
  __attribute__((always_inline)) in yield() requires std::is_void_v<Out> {
    turns_.require_asked(turns_);
    turns_.suspend();
    return in_.take();
  }

 private:
  friend coroutine;
  template <class Workplace, class F>
  friend struct detail::body_run;
  template <class Workplace, class F>
  friend greenlet detail::make_body(Workplace&, F&&, options, spawn_site);
  struct key {};

 public:
  explicit self(key /*only for coroutine*/) {}

 private:
  detail::resumable& turns() noexcept { return turns_; }

  [[noreturn]] static void throw_without_answer() {
    throw greenlet_error("offshoot: this coroutine ended with greenlet_exit, without an answer");
  }

  /// For the caller.
  __attribute__((always_inline)) Out answer(detail::control_block* body, In&&... argument) {
    const bool waits = turns_.require_resumable("coroutine");
    out_.reset();
    (in_.put(static_cast<In&&>(argument)), ...);
    turns_.resume(body, waits);
    if constexpr (!std::is_void_v<Out>) {
      if (!out_.filled()) [[unlikely]]
        throw_without_answer();
    }
    return out_.take();
  }

  /// For the body's greenlet.
  template <class F>
  void work(F& body) {
    const auto call = [&]() -> Out {
      if constexpr (sizeof...(In) == 0) {
        return std::invoke(body, *this);
      } else {
        return std::invoke(body, *this, in_.take());
      }
    };
    if constexpr (std::is_void_v<Out>) {
      call();
    } else {
      out_.put(call());
    }
  }

  detail::resumable turns_;
  detail::slot<in> in_;
  detail::slot<Out> out_;
};

}  // namespace offshoot
