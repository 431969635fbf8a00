/// `pool`: a group of which only so many tasks exist at a time.
#pragma once

#include <offshoot/detail/capture_check.hpp>
#include <offshoot/detail/slot.hpp>
#include <offshoot/hub/group.hpp>
#include <offshoot/hub/semaphore.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace offshoot {

namespace detail {

/// Belongs to the task's function, so that it is free when the task is gone, begun or not.
class pool_place {
 public:
  explicit pool_place(std::shared_ptr<semaphore> of) noexcept : of_(std::move(of)) {}
  pool_place(pool_place&&) noexcept = default;
  pool_place& operator=(pool_place&&) = delete;
  ~pool_place() {
    if (of_ != nullptr) of_->release();
  }

 private:
  std::shared_ptr<semaphore> of_;
};

/// A function and its place.
template <class F>
struct placed {
  pool_place taken;
  F function;
  std::invoke_result_t<F&> operator()() { return function(); }
};

/// Looked at as the function would be without a pool.
template <class F>
struct inspection<placed<F>> {
  static constexpr bool possible = can_hold_address<F>;
  static finding look(const placed<F>& object, const address_range& own) noexcept {
    return inspect<F>(object.function, own);
  }
};

}  // namespace detail

/// A `group` with room for a number of tasks: who would spawn one more waits. All else is as there.
class pool {
 public:
  /// Throws std::bad_alloc, and std::invalid_argument if `size` is 0: nothing could ever run.
  explicit pool(std::size_t size) : places_(std::make_shared<semaphore>(size)) {
    if (size == 0) throw std::invalid_argument("offshoot: a pool without room for a task");
  }

  /// Waits for a place and starts a task there. Throws as `group::spawn`, and `greenlet_exit` when
  /// killed, or `timed_out`, while it waits.
  template <class F>
  auto spawn(F&& function, const options& chosen = {}, spawn_site site = spawn_site::current()) {
    return spawn_in(group_, std::forward<F>(function), chosen, site);
  }

  /// Calls `function` with each of `items`, in tasks of the pool, and returns the results in order
  /// (nothing if it returns void) when all have finished. Copies the function, and moves the items
  /// or, from an lvalue, copies them. When one call fails the others are killed, and it throws what
  /// that threw. Throws as `spawn` besides: `dangling_capture`, too.
  template <std::ranges::input_range Items, class F>
  auto map(Items&& items, F function) {
    using item = std::ranges::range_value_t<Items>;
    using result = std::invoke_result_t<F&, item>;
    const auto shared = std::make_shared<detail::slot<F>>();  // looks at what it is given
    shared->put(std::move(function));
    group calls;
    if constexpr (std::is_void_v<result>) {
      for (auto&& each : items) {
        spawn_in(calls, [shared, own = item(pass<Items>(each))]() mutable {
          shared->look()(std::move(own));
        });
      }
      calls.join();
    } else {
      std::vector<task<result>> tasks;
      for (auto&& each : items) {
        tasks.push_back(spawn_in(calls, [shared, own = item(pass<Items>(each))]() mutable {
          return shared->look()(std::move(own));
        }));
      }
      calls.join();
      return join_all(tasks);
    }
  }

  void join() { group_.join(); }
  void kill() { group_.kill(); }
  /// How many tasks there are in it.
  std::size_t size() const noexcept { return group_.size(); }
  /// How many more there is room for.
  std::size_t available() const noexcept { return places_->available(); }

 private:
  template <class F>
  auto spawn_in(group& members, F&& function, const options& chosen = {},
                spawn_site site = spawn_site::current()) {
    places_->acquire();
    detail::pool_place taken(places_);
    return members.spawn(
        detail::placed<std::decay_t<F>>{std::move(taken), std::forward<F>(function)}, chosen, site);
  }
  template <class Items, class Item>
  static decltype(auto) pass(Item& each) noexcept {
    if constexpr (std::is_lvalue_reference_v<Items>) {
      return std::as_const(each);
    } else {
      return std::move(each);
    }
  }

  std::shared_ptr<semaphore> places_;
  group group_;
};

}  // namespace offshoot
