/// What the test of all suspension points needs to know of a primitive: how to wait for it, how to
/// let those who wait go on, and whether anything is lost at the end.
#pragma once

#include <offshoot/hub/channel.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace test {

/// One primitive, in the state in which everybody who comes has to wait.
class waiting_world {
 public:
  waiting_world() = default;
  waiting_world(const waiting_world&) = delete;
  waiting_world& operator=(const waiting_world&) = delete;
  virtual ~waiting_world() = default;

  /// Waits, as number `who`. Throws what ends the wait.
  virtual void wait(int who) = 0;
  /// The same for at most that time. False: not in time.
  virtual bool wait_briefly(int who, std::chrono::nanoseconds time) = 0;
  /// Does what lets `waiting` of those who wait go on, the first ones.
  virtual void provide(std::size_t waiting) = 0;
  /// Whether each who goes on takes something that another then has to do without.
  virtual bool one_each() const { return false; }
  /// Whether what was given to one who is killed then is the next one's.
  virtual bool goes_on() const { return true; }
  /// Whether those who go on do so in the order in which they came.
  virtual bool in_order() const { return true; }
  /// Called after what happens right after provide().
  virtual void settle() {}
  enum class ending { none, destroyed, closed };
  /// Ends it for all who wait.
  virtual ending close() { return ending::none; }
  /// What is wrong now that all have gone on, `succeeded` of them, as they did. Empty: nothing.
  virtual std::string lost(const std::vector<int>& succeeded) = 0;
};

struct named_world {
  const char* name;
  std::function<std::shared_ptr<waiting_world>()> make;
};

template <class World, class... A>
named_world world(const char* name, A... arguments) {
  return {name, [arguments...] { return std::make_shared<World>(arguments...); }};
}

/// To the test, a wait that ends with an `Error` has been ended by a closing.
template <class Error, class F>
void translated(F act) try {
  act();
} catch (const Error&) {
  throw offshoot::channel_closed();
}

/// Those of what somebody else does.
std::vector<named_world> work_worlds();
/// All of them.
const std::vector<named_world>& waiting_worlds();

}  // namespace test
