#include "model/world.hpp"

#include <cfenv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include <alloca.h>

namespace model {
namespace {

using offshoot::greenlet;
using offshoot::detail::access;
using offshoot::detail::stack;

constexpr std::size_t most_actors = 24;
constexpr unsigned most_frames = 6;
constexpr std::size_t room_to_go_deeper = std::size_t{48} << 10;
constexpr std::size_t room_to_nest = std::size_t{128} << 10;
constexpr unsigned most_refusals = 40;  // the library ends the process at a hundred

thread_local world* running = nullptr;

std::unique_ptr<actor> make_main() {
  auto made = std::make_unique<actor>();
  made->handles[0] = greenlet::main();
  made->handle_count = 1;
  made->owners = 1;
  made->block = access::block(made->handles[0]);
  made->id = made->handles[0].id();
  return made;
}

}  // namespace

world::world(std::uint64_t seed, std::size_t steps)
    : dice_(seed),
      seed_(seed),
      budget_(steps),
      here_(&offshoot::detail::thread_state::get()),
      main_(actors_.emplace_back(make_main()).get()),
      oracle_(*main_, *this) {
  blocks_before_ = offshoot::detail::control_blocks_alive() - 1;
  running = this;
  offshoot::set_unraisable_handler(&world::on_unraisable);
}

world::~world() {
  offshoot::set_unraisable_handler(nullptr);
  running = nullptr;
}

void world::fail(const std::string& what) const {
  std::fprintf(stderr, "model test: %s\n  seed %llu, step %zu of %zu; replay with --seed=%llu\n",
               what.c_str(), static_cast<unsigned long long>(seed_), step_, budget_,
               static_cast<unsigned long long>(seed_));
  std::abort();
}

void world::run() {
  while (!ending_) {
    try {
      live(*main_);
    } catch (...) {  // whatever main has not caught deeper down
    }
  }
  drop_everything();
}

/// What every greenlet runs.
offshoot::value world::be(actor& self, const offshoot::value& first) {
  message result;
  self.rounding = FE_TONEAREST;
  if (self.own_fp) self.rounding = std::fegetround();  // its starter's
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
    result = describe_caught();
    if (result.what == kind::mismatch) result.what = kind::error;
    oracle_.finish(std::move(result));
    throw;
  }
  offshoot::value sent = to_value(result);
  oracle_.finish(std::move(result));
  return sent;
}

/// Takes a frame off when it ends, however it ends; and now and then acts while an exception
/// passes.
struct world::frame_guard {
  world& in;
  actor& self;
  frame& mine;
  int in_flight = std::uncaught_exceptions();

  frame_guard(world& where, actor& whose, frame& which) : in(where), self(whose), mine(which) {
    self.innermost = &mine;
    ++self.depth;
  }
  frame_guard(const frame_guard&) = delete;
  frame_guard& operator=(const frame_guard&) = delete;
  ~frame_guard() {
    const int now = std::uncaught_exceptions();
    if (now > in_flight && !in.ending_ && in.dice_.one_in(8)) {
      try {
        in.step(self);
      } catch (...) {
      }
      if (std::uncaught_exceptions() != now) in.fail("S26: the number of uncaught exceptions");
    }
    self.innermost = mine.outer();
    --self.depth;
  }
};

/// One frame, of random size, and the steps taken from it.
[[gnu::noinline]] void world::live(actor& self) {
  const std::size_t count = dice_.one_in(16) ? dice_.below(600) : dice_.below(24);
  auto* words = static_cast<std::uint64_t*>(alloca(count * sizeof(std::uint64_t)));
  frame mine(self.innermost, words, count, dice_.next());
  const frame_guard guard(*this, self, mine);
  for (;;) {
    if (ending_) {
      if (&self == main_) return;
      bring_home(self);
      continue;
    }
    const std::size_t what = dice_.below(16);
    if (what == 0 && (&self != main_ || self.depth > 1)) return;
    if (what <= 2 && self.depth < most_frames && room_below() > room_to_go_deeper) {
      try {
        live(self);
      } catch (...) {
        handle_exception(self, true);
      }
    } else {
      step(self);
    }
  }
}

void world::step(actor& self) {
  if (++step_ >= budget_) ending_ = true;
  looked_ = false;
  act(self);
}

void world::act(actor& self) {
  const std::size_t what = dice_.below(100);
  if (what < 14) return create(self);
  if (what < 24) return take_handle(self);
  if (what < 30) return re_parent(self);
  actor* target = anyone_with_handle();
  if (what < 42) {
    if (target != main_) drop(self, *target);
    return;
  }
  if (self.dying) {
    if (self.owners == 0 && ++self.refusals > most_refusals) return;
    if (self.owners > 0) target = main_;  // its killer may take any other with it
  }
  if (what < 50) {
    message raised{kind::exit_raised, 0, nullptr};
    if (dice_.one_in(2)) {
      raised = {kind::error, ++last_number_, nullptr};
      raised.error = std::make_exception_ptr(model_error{raised.number});
    }
    return send(self, *target, std::move(raised), true);
  }
  send(self, *target, any_message(), false);
}

/// The budget is spent: everybody goes to main, who then drops them all.
void world::bring_home(actor& self) {
  looked_ = false;
  send(self, *main_, {}, false);
}

void world::drop_everything() {
  while (actors_.size() > 1) {
    actor* next = nullptr;
    actor* stranded = nullptr;
    const std::size_t first = dice_.below(actors_.size());
    for (std::size_t i = 0; i < actors_.size(); ++i) {
      actor* each = actors_[(first + i) % actors_.size()].get();
      if (each == main_) continue;
      if (each->handle_count > 0) next = each;
      if (!each->pending.empty()) stranded = each;
    }
    looked_ = false;
    if (next != nullptr) {
      drop(*main_, *next);
    } else if (stranded != nullptr) {
      wake(*stranded);
    } else {
      fail("somebody is left whom nobody owns");
    }
  }
}

/// A greenlet that was killed can save itself and leave its killer in the midst of a drop: they may
/// then own each other, and nobody has a handle. The thread's end would unwind them.
void world::wake(actor& stranded) {
  stranded.handles[stranded.handle_count++] = access::share(stranded.block);
  oracle_.add_handle(stranded);
  try {
    send(*main_, stranded, {kind::exit_raised, 0, nullptr}, true);
  } catch (...) {  // settled already
  }
}

void world::create(actor& self) {
  if (actors_.size() >= most_actors) return;
  actor* parent = dice_.one_in(2) ? anyone_with_handle() : &self;
  auto made = std::make_unique<actor>();
  made->takes_number = dice_.one_in(4);
  made->own_fp = dice_.one_in(10);
  offshoot::options chosen;
  if (parent != &self) chosen.parent = parent->handles[0];
  static constexpr std::array placements{offshoot::placement::lane, offshoot::placement::dedicated,
                                         offshoot::placement::nested, offshoot::placement::nested};
  chosen.where = placements[dice_.below(placements.size())];
  chosen.own_fp_environment = made->own_fp;
  actor* const child = made.get();
  oracle_.create(*child, *parent);
  if (child->takes_number) {
    child->handles[0] = greenlet(
        [this, child](std::uint64_t first) { return be(*child, offshoot::value(first)); }, chosen);
  } else {
    child->handles[0] = greenlet(
        [this, child](offshoot::value first) { return be(*child, std::move(first)); }, chosen);
  }
  child->handle_count = 1;
  child->block = access::block(child->handles[0]);
  child->id = child->handles[0].id();
  actors_.push_back(std::move(made));
  chosen.parent.reset();
  settle(self, {kind::returned, 0, nullptr});
}

void world::send(actor& self, actor& target, message sent, bool as_throw) {
  if (target.state == life::unstarted && room_below() < room_to_nest) return;
  oracle_.attempt(target, sent);
  operate(self, [&] {
    const greenlet& handle = target.handles[0];
    if (!as_throw) return handle.switch_to(to_value(sent));
    return sent.what == kind::exit_raised ? handle.throw_in()
                                          : handle.throw_in(std::move(sent.error));
  });
}

void world::drop(actor& self, actor& of) {
  oracle_.drop_handle(of);
  of.handles[--of.handle_count].reset();
  settle(self, {kind::returned, 0, nullptr});
}

/// Another handle of somebody, or of the current one, or of somebody's parent.
void world::take_handle(actor& self) {
  actor* of = anyone_with_handle();
  greenlet taken;
  switch (dice_.below(3)) {
    case 0:
      taken = of->handles[0];
      break;
    case 1:
      of = &self;
      taken = greenlet::current();
      break;
    default:
      taken = of->handles[0].parent();
      if (static_cast<bool>(taken) != (of->parent != nullptr)) fail("S17: a parent or none");
      of = static_cast<actor*>(of->parent);
      if (of == nullptr) return;
  }
  if (taken.id() != of->id) fail("a handle of somebody else");
  if (of->handle_count == of->handles.size()) return;  // lets go: it was not the last
  of->handles[of->handle_count++] = std::move(taken);
  oracle_.add_handle(*of);
  settle(self, {kind::returned, 0, nullptr});
}

void world::re_parent(actor& self) {
  actor* child = self.handle_count > 0 && dice_.one_in(2) ? &self : anyone_with_handle();
  actor* parent = anyone_with_handle();
  if (parent->state != life::unstarted) parent = anyone_with_handle();
  if (auto* real = static_cast<actor*>(self.link);
      real != nullptr && real->handle_count > 0 && self.handle_count > 0 && dice_.one_in(2)) {
    child = real;  // would close a cycle when self, which is dying, gets it back
    parent = &self;
  }
  if (oracle_.may_set_parent(*child, *parent)) {
    oracle_.set_parent(*child, *parent);
    child->handles[0].set_parent(parent->handles[0]);
    settle(self, {kind::returned, 0, nullptr});
    return;
  }
  try {
    child->handles[0].set_parent(parent->handles[0]);
  } catch (const offshoot::greenlet_error&) {
    return;
  }
  fail("S17: a parent was set that must be refused");
}

/// A call that may let others run. Throws on what came, or takes it.
template <class Call>
void world::operate(actor& self, Call call) {
  try {
    const offshoot::value got = call();
    settle(self, describe(got));
  } catch (...) {
    settle(self, describe_caught());
    handle_exception(self, false);
  }
}

/// In a handler: lives on in it for a while, throws on, or leaves it at that.
void world::handle_exception(actor& self, bool passing) {
  const std::exception_ptr mine = std::current_exception();
  const bool is_exit = describe_caught().what == kind::exit_raised;
  if (ending_) {
    if (is_exit || !passing) throw;
    return;
  }
  if (dice_.one_in(4)) {
    for (std::size_t i = dice_.below(4); i > 0 && !ending_; --i) step(self);
    if (std::current_exception() != mine) fail("S26: another exception is being handled");
  }
  if (is_exit ? !dice_.one_in(8) : dice_.one_in(2)) throw;
}

/// The current one's user code runs again, or still.
void world::settle(actor& self, const message& got) {
  if (oracle_.receiver != &self || oracle_.current != &self)
    fail("greenlet #" + std::to_string(self.id) + " runs, and not #" +
         std::to_string(oracle_.receiver->id));
  if (!matches(oracle_.expected, got))
    fail(to_string(got) + " came, and not " + to_string(oracle_.expected));
  if (here_->current != self.block) fail("the library takes another for the current one");
  if (!oracle_.unraisable.empty()) fail("S20: an exception was not reported");
  for (const node* gone : oracle_.destroyed) {
    for (auto& each : actors_) {
      if (each.get() != gone) continue;
      std::swap(each, actors_.back());
      actors_.pop_back();
      break;
    }
  }
  oracle_.destroyed.clear();
  if (offshoot::detail::control_blocks_alive() != blocks_before_ + actors_.size())
    fail("the library has " +
         std::to_string(offshoot::detail::control_blocks_alive() - blocks_before_) +
         " greenlets, and the model " + std::to_string(actors_.size()));
  check_stacks(self);
  check_states();
}

void world::check_stacks(actor& self) {
  unsigned depth = 0;
  for (const frame* each = self.innermost; each != nullptr; each = each->outer()) {
    if (++depth > self.depth || !each->intact(each)) fail("S35: a frame has changed");
  }
  if (depth != self.depth) fail("S35: frames are missing");
  if (inherits_.first == &self) {
    if (self.block->stop != inherits_.second) fail("S14: it does not begin where the last one did");
    inherits_ = {};
  }
  const int rounding = self.own_fp ? self.rounding : FE_TONEAREST;
  if (std::fegetround() != rounding) fail("S27: another's rounding mode");

  const stack& lowest = *self.block;
  if (lowest.where->head != &lowest) fail("somebody else is the lowest in this region");
  if (lowest.saved.size() != 0) fail("S34: it runs, and part of it is out");
  const offshoot::detail::region& where = *lowest.where;
  if (where.nested == 0 && !where.shared_top && where.save_limit != where.low)
    fail("nobody nests here, and still there is a limit to what is saved");
  if (lowest.at_stake(lowest.registers.floor) > lowest.saved.capacity())
    fail("S29: it may suspend deeper than its slice can hold");
  std::uintptr_t low = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  for (const stack* each = &lowest; each != nullptr; each = each->previous) {
    if (each != &lowest && low > each->lowest_in_place()) fail("two are in place at one address");
    low = each->stop;
  }
}

void world::check_states() {
  const actor& some = *anyone();
  if (some.handle_count == 0) return;
  const greenlet& handle = some.handles[0];
  if (handle.dead() != (some.state == life::finished) ||
      handle.active() != (some.state == life::active) ||
      handle.started() == (some.state == life::unstarted))
    fail("S1: the state of #" + std::to_string(some.id));
  const auto* parent = some.parent;
  if (some.block->parent !=
      (parent != nullptr ? static_cast<const actor*>(parent)->block : nullptr))
    fail("the parent of #" + std::to_string(some.id));
}

void world::departure(const node& from, const node& to) {
  const auto& left = *static_cast<const actor&>(from).block;
  const auto& next = *static_cast<const actor&>(to).block;
  if (from.leaving && next.where == nullptr && next.chosen_placement == offshoot::placement::nested)
    inherits_ = {&to, left.stop};
  if (std::exchange(looked_, true)) return;  // further hops: the stacks are not as they will be
  geometries_.look(left, next, from.leaving);
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
