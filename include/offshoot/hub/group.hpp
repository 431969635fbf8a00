/// `group`: tasks that end before the scope does that began them.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/task.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <type_traits>
#include <utility>

namespace offshoot {

namespace detail {
class group_state;
}

/// Tasks that belong together. Leaving its scope waits for all of them; leaving it by an exception
/// kills them first. When one fails, that is, throws, the others are killed. Belongs to the thread
/// and the greenlet that made it, but tasks of it may `spawn` into it while it is waited for.
class OFFSHOOT_API group {
 public:
  /// Throws std::bad_alloc.
  group();
  group(const group&) = delete;
  group& operator=(const group&) = delete;
  /// As `join`, but what a task threw goes to the unhandled handler. A kill or a time-out of the
  /// waiting greenlet kills the tasks, and takes effect in it at its next wait; a time-out only if
  /// that is still in its scope.
  ~group();

  /// Starts a task, as `offshoot::spawn`. If the group has been killed or one has failed, it is
  /// killed before it begins. The exception that leaves it is the group's: its own `join` finds
  /// nothing.
  template <class F>
  auto spawn(F&& function, const options& chosen = {}, spawn_site site = spawn_site::current())
      -> task<std::invoke_result_t<std::decay_t<F>&>> {
    auto made = offshoot::spawn(std::forward<F>(function), chosen, site);
    add(made.state_);
    return made;
  }

  /// Waits until all have finished. Throws what the first threw that failed. When killed or timed
  /// out meanwhile, kills them, waits for that, and goes on with the exception.
  void join();
  /// Kills all of them, and those that are spawned from now on until a `join` has returned. Does
  /// not wait.
  void kill();
  /// How many have not finished.
  std::size_t size() const noexcept;

 private:
  void add(const detail::task_ref& member);

  std::shared_ptr<detail::group_state> state_;
  int exceptions_around_;
};

}  // namespace offshoot
