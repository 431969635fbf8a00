/// A thread's forest of greenlets, each of which acts at random: it tells the model what it is
/// about to do, does it, and whoever runs next checks that it is who the model says, that it got
/// what the model says, and that its own frames are as it left them. What is odd: all of this lies
/// on the heap, since any stack may be copied away.
#pragma once

#include <offshoot/greenlet.hpp>
#include <offshoot/trace.hpp>

#include <array>
#include <atomic>
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
#include "model/gate.hpp"
#include "model/geometry.hpp"
#include "model/message.hpp"
#include "model/oracle.hpp"
#include "model/record.hpp"
#include "model/report.hpp"
#include "model/script.hpp"

namespace model {

/// A greenlet with what the model knows of it.
struct actor : node {
  std::array<offshoot::greenlet, 2> handles;
  unsigned handle_count = 0;
  std::string name;  ///< in what is recorded
  offshoot::detail::control_block* block = nullptr;
  frame* innermost = nullptr;
  unsigned depth = 0;     ///< how many frames there are
  unsigned levels = 0;    ///< those of `live` among them
  unsigned refusals = 0;  ///< exits that came instead of a switch while it was dying
  bool own_fp = false;
  int rounding = 0;             ///< as it left it, if it has an environment of its own
  std::exception_ptr rethrown;  ///< last: it must come out of the frames with its identity
  bool begun = false;           ///< its beginning is recorded
  bool waiting = false;         ///< in a call that is recorded, and has not come back
};

class world final : oracle::observer {
 public:
  /// Thread `thread` of what `told` says; reports to `seen`, which outlives it.
  world(const script& told, unsigned thread, gate& meeting, const record& written, report& seen);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Runs on the thread's main greenlet: takes all decisions, then drops everything.
  void run();

  static void on_unraisable(std::exception_ptr error, const offshoot::greenlet& origin) noexcept;

 private:
  struct frame_guard;
  /// Closes in the record what is being opened.
  class section {
   public:
    section(const world& in, const actor& whose, std::string_view token) : in_(in), whose_(whose) {
      in_.write(whose_, token);
    }
    section(const world& in, const actor& whose, std::string_view token, std::size_t number)
        : in_(in), whose_(whose) {
      if (in_.written_.wanted()) in_.write(whose_, token, std::to_string(number));
    }
    /// What is open already.
    section(const world& in, const actor& whose) : in_(in), whose_(whose) {}
    section(const section&) = delete;
    section& operator=(const section&) = delete;
    ~section() { in_.write(whose_, "end"); }

   private:
    const world& in_;
    const actor& whose_;
  };

  // Those of a greenlet's life: world.cpp.
  offshoot::value be(actor& self, const offshoot::value& first);
  void live(actor& self);
  void dive(actor& self, std::size_t frames);
  void wander(actor& self);
  void step(actor& self);
  bool decide();
  void act(actor& self);
  void bring_home(actor& self);
  void handle_exception(actor& self, bool passing);
  [[noreturn]] void rethrow(actor& self);
  void expect_rethrown(actor& self);
  actor* anyone();
  actor* anyone_with_handle();
  message any_message();
  std::size_t room_below() const;

  // What one can do: acts.cpp.
  void create(actor& self);
  void send(actor& self, actor& target, message sent, bool as_throw);
  void send_broken(actor& self, actor& target);
  void drop(actor& self, actor& of);
  void take_handle(actor& self);
  void re_parent(actor& self);
  void meet_others(actor& self);
  void drop_everything();
  void wake(actor& stranded);
  template <class Call>
  void operate(actor& self, Call call);
  void write_call(actor& self, std::string_view token, const std::string& call);

  // What must hold: checks.cpp.
  void settle(actor& self, const message& got);
  void check_stacks(actor& self);
  void check_states();
  void departure(const node& from, const node& to) override;
  void write(const actor& who, std::string_view token, const std::string& rest = {}) const {
    written_.put(who.name, token, rest);
  }
  [[noreturn]] void fail(const std::string& what) const;

  dice dice_{0};
  const script& told_;
  unsigned thread_;
  gate& meeting_;
  const record& written_;
  report& seen_;
  std::vector<std::uint64_t> decisions_;
  std::size_t step_ = 0;
  bool ending_ = false;
  bool looked_ = false;
  /// Who takes the place of a greenlet that has finished, and where that is.
  std::pair<const node*, std::uintptr_t> inherits_{};
  std::uint64_t last_number_ = 0;
  unsigned last_name_ = 0;
  std::atomic<long> cargo_{0};
  std::size_t blocks_before_;
  offshoot::detail::thread_state* here_;
  std::vector<std::unique_ptr<actor>> actors_;
  actor* main_;
  oracle oracle_;
};

}  // namespace model
