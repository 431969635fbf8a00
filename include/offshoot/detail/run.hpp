/// How a run function is stored, checked against its arguments and called.
#pragma once

#include <offshoot/value.hpp>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

namespace offshoot::detail {

template <class... P>
struct parameters {};

// A call operator that is neither overloaded nor a template: the parameter types are known, so that
// arguments can be checked before the start (S3). `noexcept` converts away.
template <class R, class C, class... P>
parameters<P...> signature(R (C::*)(P...));
template <class R, class C, class... P>
parameters<P...> signature(R (C::*)(P...) const);
template <class R, class C, class... P>
parameters<P...> signature(R (C::*)(P...) &);
template <class R, class C, class... P>
parameters<P...> signature(R (C::*)(P...) const&);
template <class R, class... P>
parameters<P...> signature(R (*)(P...));

template <class F>
consteval auto parameters_of() {
  if constexpr (std::is_pointer_v<F>) {
    return decltype(signature(std::declval<F>())){};
  } else if constexpr (requires { signature(&F::operator()); }) {
    return decltype(signature(&F::operator())){};
  } else if constexpr (std::is_invocable_v<F&>) {
    return parameters<>{};
  } else {
    static_assert(std::is_invocable_v<F&, value>,
                  "a run function with an overloaded or generic call operator must be callable "
                  "without arguments or with one offshoot::value");
    return parameters<value>{};
  }
}

/// What a library needs to know of a run function whose type it does not know.
struct run_operations {
  std::size_t size;
  std::size_t alignment;
  /// Whether it takes nothing: then `check` need not be asked about that.
  bool takes_nothing;
  /// Throws `bad_value` unless the payload is what the function takes.
  void (*check)(const value& arguments);
  /// Calls the function with what it finds in the thread's transfer slot, which it empties before
  /// it does anything else, and leaves the result there as the last thing that it does. Nothing
  /// lies in between on the greenlet's stack that the function does not need.
  void (*invoke)(void* callable, value& transfer);
  /// Null: there is nothing to do.
  void (*destroy)(void* callable) noexcept;
};

/// The type in which a payload for these parameters arrives.
template <class... P>
struct payload_for {
  using type = std::tuple<std::decay_t<P>...>;
};
template <>
struct payload_for<> {
  using type = void;
};
template <class P>
struct payload_for<P> {
  using type = std::decay_t<P>;
};

template <class... P>
void check_arguments(const value& arguments) {
  using wanted = typename payload_for<P...>::type;
  if constexpr (std::is_void_v<wanted>) {
    if (arguments.has_value()) throw_bad_value(typeid(void), &arguments.type());
  } else if constexpr (!std::is_same_v<wanted, value>) {
    static_cast<void>(arguments.get<wanted>());
  }
}

template <class F, class... P>
decltype(auto) call(F& run, value& payload, parameters<P...>) {
  using wanted = typename payload_for<P...>::type;
  if constexpr (sizeof...(P) == 0) {
    return run();
  } else if constexpr (std::is_same_v<wanted, value>) {
    return run(static_cast<P&&>(payload)...);
  } else if constexpr (sizeof...(P) == 1) {
    return run(static_cast<P&&>(payload.template get<wanted>())...);
  } else {
    return std::apply(
        [&run](auto&... each) -> decltype(auto) { return run(static_cast<P&&>(each)...); },
        payload.template get<wanted>());
  }
}

/// What a run function returns, on its way. It is looked at while the function's greenlet runs: an
/// address in that one's stack is of no use to anybody.
template <class R>
value result_of(R&& result) {
  return make_looked_at_value<std::decay_t<R>>("a run function returns", std::forward<R>(result));
}

template <class F>
constexpr auto destroyer_of() -> decltype(run_operations::destroy) {
  if constexpr (std::is_trivially_destructible_v<F>) {
    return nullptr;
  } else {
    return [](void* callable) noexcept { static_cast<F*>(callable)->~F(); };
  }
}

template <class F, class... P>
constexpr run_operations make_run_operations(parameters<P...>) {
  return {sizeof(F),
          alignof(F),
          sizeof...(P) == 0,
          &check_arguments<P...>,
          [](void* callable, value& transfer) {
            F& run = *static_cast<F*>(callable);
            using result = decltype(call(run, transfer, parameters<P...>{}));
            if constexpr (sizeof...(P) == 0 && std::is_void_v<result>) {
              run();
            } else if constexpr (sizeof...(P) == 0) {
              transfer = result_of(run());
            } else {
              value payload = std::move(transfer);
              if constexpr (std::is_void_v<result>) {
                call(run, payload, parameters<P...>{});
                payload.reset();
              } else {
                payload = result_of(call(run, payload, parameters<P...>{}));
              }
              transfer = std::move(payload);
            }
          },
          destroyer_of<F>()};
}

template <class F>
inline constexpr run_operations run_operations_of = make_run_operations<F>(parameters_of<F>());

}  // namespace offshoot::detail
