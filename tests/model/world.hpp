/// A thread's forest of greenlets, each of which acts at random: it tells the model what it is
/// about to do, does it, and whoever runs next checks that it is who the model says, that it got
/// what the model says, and that its own frames are as it left them. What is odd: all of this lies
/// on the heap, since any stack may be copied away.
#pragma once

#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/control_block.hpp"
#include "core/thread_state.hpp"
#include "model/dice.hpp"
#include "model/frame.hpp"
#include "model/geometry.hpp"
#include "model/message.hpp"
#include "model/oracle.hpp"

namespace model {

/// A greenlet with what the model knows of it.
struct actor : node {
  std::array<offshoot::greenlet, 2> handles;
  unsigned handle_count = 0;
  offshoot::detail::control_block* block = nullptr;
  frame* innermost = nullptr;
  unsigned depth = 0;     ///< how many frames there are
  unsigned refusals = 0;  ///< exits that came instead of a switch while it was dying
  bool own_fp = false;
  int rounding = 0;  ///< as it left it, if it has an environment of its own
};

class world final : oracle::observer {
 public:
  world(std::uint64_t seed, std::size_t steps);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Runs on the thread's main greenlet: takes the steps, then drops everything.
  void run();

  const geometry_counts& geometries() const noexcept { return geometries_; }
  std::size_t steps_taken() const noexcept { return step_; }

 private:
  struct frame_guard;

  offshoot::value be(actor& self, const offshoot::value& first);
  void live(actor& self);
  void step(actor& self);
  void act(actor& self);
  void bring_home(actor& self);
  void drop_everything();
  void wake(actor& stranded);

  void create(actor& self);
  void send(actor& self, actor& target, message sent, bool as_throw);
  void drop(actor& self, actor& of);
  void take_handle(actor& self);
  void re_parent(actor& self);

  template <class Call>
  void operate(actor& self, Call call);
  void handle_exception(actor& self, bool passing);
  void settle(actor& self, const message& got);
  void check_stacks(actor& self);
  void check_states();
  [[noreturn]] void fail(const std::string& what) const;

  void departure(const node& from, const node& to) override;
  static void on_unraisable(std::exception_ptr error, const offshoot::greenlet& origin) noexcept;

  actor* anyone();
  actor* anyone_with_handle();
  message any_message();
  std::size_t room_below() const;

  dice dice_;
  std::uint64_t seed_;
  std::size_t budget_;
  std::size_t step_ = 0;
  bool ending_ = false;
  bool looked_ = false;
  /// Who takes the place of a greenlet that has finished, and where that is.
  std::pair<const node*, std::uintptr_t> inherits_{};
  std::uint64_t last_number_ = 0;
  std::size_t blocks_before_;
  offshoot::detail::thread_state* here_;
  geometry_counts geometries_;
  std::vector<std::unique_ptr<actor>> actors_;
  actor* main_;
  oracle oracle_;
};

}  // namespace model
