#include "model/world.hpp"

#include <cfenv>
#include <exception>
#include <utility>

#include <alloca.h>

namespace model {
namespace {

using offshoot::greenlet;
using offshoot::detail::access;

constexpr unsigned most_levels = 6;
constexpr std::size_t room_to_go_deeper = std::size_t{48} << 10;
constexpr std::size_t room_to_dive = std::size_t{176} << 10;
constexpr std::size_t deep = std::size_t{100} << 10;  // bytes: S35 for slices of that size
constexpr std::size_t words_in_dive = 100;
constexpr unsigned most_refusals = 40;  // the library ends the process at a hundred

thread_local world* running = nullptr;

std::unique_ptr<actor> make_main(const std::string& name) {
  auto made = std::make_unique<actor>();
  made->handles[0] = greenlet::main();
  made->handle_count = 1;
  made->owners = 1;
  made->name = name;
  made->begun = true;
  made->block = access::block(made->handles[0]);
  made->id = made->handles[0].id();
  return made;
}

}  // namespace

world::world(const script& told, unsigned thread, gate& meeting, const record& written,
             report& seen)
    : told_(told),
      thread_(thread),
      meeting_(meeting),
      written_(written),
      seen_(seen),
      decisions_(told.of_thread(thread)),
      here_(&offshoot::detail::thread_state::get()),
      main_(actors_.emplace_back(make_main(name_of(thread, 0))).get()),
      oracle_(*main_, *this, told.planted) {
  blocks_before_ = offshoot::detail::control_blocks_alive() - 1;
  running = this;
}

world::~world() {
  running = nullptr;
}

void world::run() {
  while (!ending_) {
    try {
      live(*main_);
    } catch (...) {  // whatever main has not caught deeper down
      expect_rethrown(*main_);
      write(*main_, "caught", "anything");
      write(*main_, "end");
    }
  }
  drop_everything();
  write(*main_, "done");
}

/// What every greenlet runs.
offshoot::value world::be(actor& self, const offshoot::value& first) {
  message result;
  self.rounding = FE_TONEAREST;
  if (self.own_fp) self.rounding = std::fegetround();  // its starter's
  seen_.geometries[thread_].look_at_start(*self.block);
  try {
    settle(self, describe(first));
    if (self.own_fp) {
      static constexpr std::array modes{FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
      self.rounding = modes[dice_.below(modes.size())];
      std::fesetround(self.rounding);
    }
    live(self);
    result = any_message();
  } catch (...) {
    expect_rethrown(self);
    result = describe_caught();
    if (result.raises()) result.what = kind::error;
    oracle_.finish(std::move(result));
    throw;
  }
  if (written_.wanted()) write(self, "return", to_string(result));
  offshoot::value sent = to_value(result);
  oracle_.finish(std::move(result));
  return sent;
}

/// Takes a frame off when it ends, however it ends; and now and then acts while an exception
/// passes, some frames deeper even.
struct world::frame_guard {
  world& in;
  actor& self;
  frame& mine;
  bool acts;
  int in_flight = std::uncaught_exceptions();

  frame_guard(world& where, actor& whose, frame& which, bool may_act)
      : in(where), self(whose), mine(which), acts(may_act) {
    self.innermost = &mine;
    ++self.depth;
  }
  frame_guard(const frame_guard&) = delete;
  frame_guard& operator=(const frame_guard&) = delete;
  ~frame_guard() {
    const int now = std::uncaught_exceptions();
    if (acts && now > in_flight && !in.ending_ && in.dice_.one_in(8) && in.decide()) {
      const std::exception_ptr passing = self.rethrown;
      const section recorded(in, self, "unwinding");
      try {
        in.wander(self);
      } catch (...) {
        in.expect_rethrown(self);
      }
      self.rethrown = passing;
      if (std::uncaught_exceptions() != now) in.fail("S26: the number of uncaught exceptions");
    }
    self.innermost = mine.outer();
    --self.depth;
  }
};

/// One frame, of random size, and the steps taken from it.
[[gnu::noinline]] void world::live(actor& self) {
  std::size_t count = dice_.one_in(16) ? dice_.below(600) : dice_.below(24);
  if (dice_.one_in(60) && room_below() > room_to_dive) count = deep / sizeof(std::uint64_t);
  const section recorded(*this, self, "frame", count);
  auto* words = static_cast<std::uint64_t*>(alloca(count * sizeof(std::uint64_t)));
  frame mine(self.innermost, words, count, dice_.next());
  const frame_guard guard(*this, self, mine, true);
  struct level {
    unsigned& count;
    explicit level(unsigned& counted) : count(counted) { ++count; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --count; }
  } const counted(self.levels);
  for (;;) {
    if (ending_ || !decide()) {
      if (&self == main_) return;
      bring_home(self);
      continue;
    }
    if (dice_.one_in(16) && (&self != main_ || self.depth > 1)) return;
    wander(self);
  }
}

/// The same at the end of many frames.
[[gnu::noinline]] void world::dive(actor& self, std::size_t frames) {
  std::array<std::uint64_t, words_in_dive> words;
  frame mine(self.innermost, words.data(), words.size(), dice_.next());
  const frame_guard guard(*this, self, mine, false);
  if (frames > 1) {
    dive(self, frames - 1);
  } else {
    live(self);
  }
}

/// Does what has just been decided, here or deeper down.
void world::wander(actor& self) {
  if (!dice_.one_in(8) || self.levels >= most_levels || room_below() < room_to_go_deeper)
    return act(self);
  try {
    if (dice_.one_in(40) && room_below() > room_to_dive) {
      constexpr std::size_t frames = deep / (words_in_dive * sizeof(std::uint64_t));
      const section recorded(*this, self, "dive", frames);
      dive(self, frames);
    } else {
      live(self);
    }
  } catch (...) {
    expect_rethrown(self);
    if (written_.wanted()) write(self, "caught", to_string(describe_caught()));
    const section recorded(*this, self);
    handle_exception(self, true);
  }
}

/// Takes the next decision. False if none is left: then all is brought to an end.
bool world::decide() {
  if (step_ == decisions_.size()) {
    ending_ = true;
    return false;
  }
  dice_ = dice(decisions_[step_++]);
  seen_.steps[thread_] = step_;
  looked_ = false;
  return true;
}

void world::act(actor& self) {
  if (told_.threads > 1 && dice_.one_in(25)) return meet_others(self);
  const std::size_t what = dice_.below(100);
  if (what < 14) return create(self);
  if (what < 24) return take_handle(self);
  if (what < 30) return re_parent(self);
  actor* target = anyone_with_handle();
  if (what < 42) {
    if (target != main_) drop(self, *target);
    return;
  }
  if (what < 45) return send_broken(self, *target);
  if (self.dying) {
    if (self.owners == 0 && ++self.refusals > most_refusals) return;
    if (self.owners > 0) target = main_;  // its killer may take any other with it
  }
  if (what < 52) {
    message raised{kind::exit_raised, 0, nullptr};
    if (dice_.one_in(2)) {
      raised = {kind::error, ++last_number_, nullptr};
      raised.error = std::make_exception_ptr(model_error{raised.number});
    }
    return send(self, *target, std::move(raised), true);
  }
  send(self, *target, any_message(), false);
}

/// No decision is left: everybody goes to main, who then drops them all.
void world::bring_home(actor& self) {
  looked_ = false;
  send(self, *main_, {}, false);
}

/// In a handler: lives on in it for a while, throws on, or leaves it at that.
void world::handle_exception(actor& self, bool passing) {
  const std::exception_ptr mine = std::current_exception();
  const bool is_exit = describe_caught().what == kind::exit_raised;
  if (ending_) {
    if (is_exit || !passing) rethrow(self);
    return;
  }
  if (dice_.one_in(4)) {
    for (std::size_t i = dice_.below(4); i > 0 && !ending_ && decide(); --i) wander(self);
    if (std::current_exception() != mine) fail("S26: another exception is being handled");
  }
  if (is_exit ? !dice_.one_in(8) : dice_.one_in(2)) rethrow(self);
}

void world::rethrow(actor& self) {
  self.rethrown = std::current_exception();
  write(self, "throw");
  throw;
}

/// In a handler around whole frames: nothing leaves them but what `rethrow` has thrown.
void world::expect_rethrown(actor& self) {
  if (std::current_exception() != self.rethrown)
    fail("S26: another exception came out of the frames of " + self.name);
}

void world::on_unraisable(std::exception_ptr error, const greenlet& origin) noexcept {
  auto& waiting = running->oracle_.unraisable;
  if (waiting.empty()) running->fail("S20: an exception was reported that has a receiver");
  const auto [expected, victim] = waiting.front();
  waiting.pop_front();
  if (expected.what == kind::error && expected.error != error)
    running->fail("S20: another exception was reported");
  if (victim->id != origin.id()) running->fail("S20: it was reported of another greenlet");
}

actor* world::anyone() {
  return actors_[dice_.below(actors_.size())].get();
}

actor* world::anyone_with_handle() {
  for (int tries = 0; tries < 4; ++tries) {
    actor* found = anyone();
    if (found->handle_count > 0) return found;
  }
  return main_;
}

message world::any_message() {
  static constexpr std::array kinds{kind::nothing, kind::number, kind::number,
                                    kind::number,  kind::parcel, kind::exit_value};
  const kind what = kinds[dice_.below(kinds.size())];
  const bool numbered = what == kind::number || what == kind::parcel;
  return {what, numbered ? ++last_number_ : 0, nullptr};
}

std::size_t world::room_below() const {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - here_->current->where->low;
}

}  // namespace model
