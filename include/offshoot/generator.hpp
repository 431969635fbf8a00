/// `generator<T>`: a greenlet that yields a sequence of elements, as an input range.
#pragma once

#include <offshoot/detail/resumable.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/greenlet.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>

namespace offshoot {

/// A sequence of T, made one element at a time by a body that runs as a greenlet:
///
///     generator<int> squares{[](auto& yield) {
///       for (int n = 1;; ++n) yield(n * n);
///     }};
///     for (int square : squares | std::views::take(5)) ...
///
/// The body is called with a `yielder&` when the first element is asked for, and may yield from any
/// depth of calls. It is an input range: it can be gone through once. `*iterator` is a `T&` to an
/// element that lies on the heap until the next is asked for; it may be moved from. With a
/// reference T, such as `generator<const node&>`, nothing is copied: `*iterator` is what was
/// yielded.
///
/// An exception that leaves the body comes out of `begin()` or `++`, once, and ends the sequence.
/// This handle owns the body, is move-only, and ends a suspended body by `greenlet_exit` when it
/// goes away (S20), so the body's destructors have run when its own returns. It must not go away
/// while another greenlet waits in `begin()` or `++`. Captures of the body that own the generator
/// itself keep both alive for ever.
///
/// For the thread that made it, and there for any greenlet: each element goes to whoever asks for
/// it, who is the body's parent meanwhile. Moved from, it is empty, and `begin()` throws
/// `greenlet_error`.
template <class T>
class generator {
 public:
  class yielder;
  class iterator;

  /// `body` is callable with a `yielder&`. Of `chosen`, the parent does not count. Throws what
  /// making a greenlet throws, `dangling_capture` among them.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, generator> &&
           std::invocable<std::decay_t<F>&, yielder&>)  //
      explicit generator(F&& body, const options& chosen = {},
                         spawn_site site = spawn_site::current())
      : place_(std::make_shared<yielder>(typename yielder::key{})),
        body_(detail::make_body(*place_, std::forward<F>(body), chosen, site)) {}

  generator(generator&&) noexcept = default;
  generator& operator=(generator other) noexcept {
    place_.swap(other.place_);
    body_.swap(other.body_);
    return *this;
  }
  ~generator() = default;

  /// Runs the body to its first element, unless that was done before: then, where the sequence
  /// stands. Throws what the body throws, and `greenlet_error`, `wrong_thread` or std::bad_alloc
  /// with nothing changed.
  iterator begin() {
    if (place_ == nullptr) throw_empty();
    place_->turns().require_idle("generator");
    if (place_->turns().fresh()) place_->advance(false);
    return iterator(place_.get());
  }
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  [[noreturn]] static void throw_empty() {
    throw greenlet_error("offshoot: this generator is empty: it was moved from");
  }

  std::shared_ptr<yielder> place_;
  greenlet body_;  // ends first
};

/// Where a body gives its elements to. Lies on the heap, so a reference to it may be handed on and
/// captured freely; to be used in the body's own greenlet only, else it throws `greenlet_error`.
template <class T>
class generator<T>::yielder : public std::enable_shared_from_this<yielder> {
 public:
  /// Hands `element` over and returns when the next one is asked for. Throws `greenlet_exit` if the
  /// generator goes away instead. With a reference T, throws `dangling_capture` for an address in
  /// the body's own stack unless that is `placement::dedicated`.
  __attribute__((always_inline)) void operator()(T element) {
    yielder& root = asked_root();
    root.element_.put(static_cast<T&&>(element));
    root.turns_.suspend();
  }

  /// Yields all that `inner` has left, as iterating over it would. While it is at work, its
  /// elements go straight to the consumer: an element costs two switches however deep generators
  /// are nested, and the depth costs no stack. What leaves its body is thrown here.
  void from(generator& inner) {
    asked_root();
    if (inner.place_ == nullptr) throw_empty();
    yielder& child = *inner.place_;
    child.turns_.require_idle("generator");
    if (!child.turns_.fresh()) {  // has a current element
      for (auto&& element : inner) (*this)(static_cast<T&&>(element));
      return;
    }
    const takeover line(*this, child);
    static_cast<void>(detail::switch_to(child.turns_.body()));
    if (!child.turns_.done()) detail::resumable::throw_interrupted();
  }
  void from(generator&& inner) { from(inner); }
  /// Yields each element of any other range.
  template <std::ranges::input_range R>
  requires(!std::same_as<std::remove_cvref_t<R>, generator> &&
           std::convertible_to<std::ranges::range_reference_t<R>, T>)  //
      void from(R&& elements) {
    for (auto&& element : elements) (*this)(std::forward<decltype(element)>(element));
  }

 private:
  friend generator;
  friend iterator;
  template <class Workplace, class F>
  friend struct detail::body_run;
  template <class Workplace, class F>
  friend greenlet detail::make_body(Workplace&, F&&, options, spawn_site);
  struct key {};

 public:
  explicit yielder(key /*only for generator*/) {}

 private:
  /// For as long as the body of `inner` works for the consumer of `outer`.
  class takeover {
   public:
    takeover(yielder& outer, yielder& inner) : outer_(outer), inner_(inner.shared_from_this()) {
      yielder& root = outer.root();
      inner.root_ = root.shared_from_this();
      inner.outer_ = &outer;
      inner.turns_.work_for(outer.turns_);
      root.turns_.set_maker(inner.turns_.body());
    }
    ~takeover() {
      detail::resumable& turns = inner_->turns_;
      detail::resumable& root = inner_->root_->turns_;
      turns.work_no_more();
      inner_->outer_ = nullptr;
      const bool ended = turns.done() || turns.fresh();
      if (ended && root.maker() == turns.body()) {
        root.set_maker(outer_.turns_.body());
      } else if (outer_.is_in_line()) {  // left behind, with all who work for it
        root.interrupt(outer_.turns_.body());
      }
      if (ended) inner_->root_.reset();
    }
    takeover(const takeover&) = delete;
    takeover& operator=(const takeover&) = delete;

   private:
    yielder& outer_;
    std::shared_ptr<yielder> inner_;
  };

  detail::resumable& turns() noexcept { return turns_; }
  yielder& root() noexcept { return root_ != nullptr ? *root_ : *this; }
  /// Throws unless its consumer waits for an element of ours. A branch that is foreseen: a
  /// conditional move would wait for root_.
  __attribute__((always_inline)) yielder& asked_root() {
    yielder* root = this;
    if (root_ != nullptr) [[unlikely]] {
      root = root_.get();
      if (root->turns_.maker() != turns_.body()) turns_.throw_not_asked();
    }
    turns_.require_asked(root->turns_);
    return *root;
  }
  /// Whether each that is between us and the root takes its elements from the next.
  bool is_in_line() noexcept {
    yielder* above = this;
    while (above->outer_ != nullptr) above = above->outer_;
    return above == &root();
  }

  template <class F>
  void work(F& body) {
    std::invoke(body, *this);
  }

  /// For the consumer: on to the next element, or the end.
  __attribute__((always_inline)) void advance() { advance(turns_.require_resumable("generator")); }
  __attribute__((always_inline)) void advance(bool waits) {
    element_.reset();
    turns_.resume(turns_.maker(), waits);
  }

  detail::resumable turns_;
  detail::slot<T> element_;  ///< on its way to the consumer, or with it
  /// Whose consumer gets our elements; null: our own does. One that has been left behind keeps it:
  /// it may still wait in that one's turns.
  std::shared_ptr<yielder> root_;
  yielder* outer_ = nullptr;  ///< who takes our elements now, if it is not the consumer
};

/// An input iterator. Refers to the generator's body, not to the handle: moving the generator
/// leaves it valid.
template <class T>
class generator<T>::iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = std::remove_cvref_t<T>;
  using reference = T&;

  iterator() noexcept = default;

  reference operator*() const noexcept { return place_->element_.look(); }
  /// Destroys the element and runs the body to the next one. Throws as `generator::begin` does, and
  /// `greenlet_error` at the end.
  __attribute__((always_inline)) iterator& operator++() {
    place_->advance();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t /*end*/) const noexcept { return place_->turns_.done(); }

 private:
  friend generator;
  explicit iterator(yielder* place) noexcept : place_(place) {}

  yielder* place_ = nullptr;
};

}  // namespace offshoot
