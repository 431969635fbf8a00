/// What must hold in the forest whenever user code runs again.
#include <offshoot/guard.hpp>

#include <cfenv>
#include <utility>

#include <unistd.h>

#include "model/world.hpp"

namespace model {

using offshoot::greenlet;
using offshoot::detail::stack;

void world::fail(const std::string& what) const {
  seen_.fail(what);
  _exit(1);  // and all other threads
}

/// The current one's user code runs again, or still.
void world::settle(actor& self, const message& got) {
  auto& predicted = *static_cast<actor*>(oracle_.receiver);
  if (written_.wanted() && !std::exchange(predicted.begun, true)) {
    write(predicted, "first", to_string(oracle_.expected));
  } else if (written_.wanted() && std::exchange(predicted.waiting, false)) {
    const bool thrown = oracle_.expected.raises() || oracle_.expected.what == kind::exit_raised;
    write(predicted, thrown ? "caught" : "came", to_string(oracle_.expected));
  }
  if (&predicted != &self || oracle_.current != &self)
    fail("greenlet " + self.name + " runs, and not " + predicted.name);
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
  if (told_.threads == 1 &&
      offshoot::detail::control_blocks_alive() != blocks_before_ + actors_.size())
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
    const bool may_inherit = offshoot::guarding() == offshoot::guard_mode::off;
    if (may_inherit && self.block->stop != inherits_.second)
      fail("S14: it does not begin where the last one did");
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
  long callables = -1;  // main has none
  for (const auto& each : actors_) callables += each->state != life::finished ? 1 : 0;
  if (cargo_.load() != callables)
    fail("S18: there are " + std::to_string(cargo_.load()) + " run functions, and not " +
         std::to_string(callables));
  const actor& some = *anyone();
  if (some.handle_count == 0) return;
  const greenlet& handle = some.handles[0];
  if (handle.dead() != (some.state == life::finished) ||
      handle.active() != (some.state == life::active) ||
      handle.started() == (some.state == life::unstarted))
    fail("S1: the state of " + some.name);
  const auto* parent = some.parent;
  if (some.block->parent !=
      (parent != nullptr ? static_cast<const actor*>(parent)->block : nullptr))
    fail("the parent of " + some.name);
}

void world::departure(const node& from, const node& to) {
  const auto& left = *static_cast<const actor&>(from).block;
  const auto& next = *static_cast<const actor&>(to).block;
  if (from.leaving && next.where == nullptr && next.chosen_placement == offshoot::placement::nested)
    inherits_ = {&to, left.stop};
  if (std::exchange(looked_, true)) return;  // further hops: the stacks are not as they will be
  seen_.geometries[thread_].look(left, next, from.leaving, here_->own_stack);
}

}  // namespace model
