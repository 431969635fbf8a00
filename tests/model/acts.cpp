/// What a greenlet of the model test can do: it tells the model, writes it down, and does it.
#include <utility>

#include "model/world.hpp"

namespace model {
namespace {

using offshoot::greenlet;
using offshoot::detail::access;

constexpr std::size_t most_actors = 24;
constexpr std::size_t room_to_nest = std::size_t{128} << 10;

/// The variable that holds a handle, in a printed program.
std::string variable(const actor& of, unsigned handle) {
  return handle == 0 ? of.name : of.name + "_too";
}

}  // namespace

/// The call is about to be made, and will be the next thing of which this one hears the end.
void world::write_call(actor& self, std::string_view token, const std::string& call) {
  write(self, token, call);
  self.waiting = true;
}

void world::create(actor& self) {
  if (actors_.size() >= most_actors) return;
  actor* parent = dice_.one_in(2) ? anyone_with_handle() : &self;
  auto made = std::make_unique<actor>();
  made->takes_number = dice_.one_in(4);
  made->own_fp = dice_.one_in(10);
  made->name = name_of(thread_, ++last_name_);
  offshoot::options chosen;
  if (parent != &self) chosen.parent = parent->handles[0];
  static constexpr std::array placements{offshoot::placement::lane, offshoot::placement::dedicated,
                                         offshoot::placement::nested, offshoot::placement::nested};
  static constexpr std::array names{"lane", "dedicated", "nested", "nested"};
  const std::size_t place = dice_.below(placements.size());
  chosen.where = placements[place];
  chosen.own_fp_environment = made->own_fp;
  const bool breaks = dice_.one_in(20);
  const unsigned moves = breaks ? 0 : 1;  // the run function is moved into the greenlet, once
  const std::uint64_t number = ++last_number_;
  actor* const child = made.get();
  const auto options = [&] {
    return "{.parent = " + (parent != &self ? parent->name : "greenlet::current()") +
           ", .where = placement::" + names[place] +
           (made->own_fp ? ", .own_fp_environment = true}" : "}");
  };
  if (breaks) {
    oracle_.refuse({kind::broken, number, nullptr});
    if (written_.wanted())
      write_call(self, "do", "greenlet([held = fragile(" + std::to_string(number) + ")] {})");
    return operate(self, [&]() -> offshoot::value {
      const offshoot::options ours = std::move(chosen);  // no handle is left while others run
      const greenlet never([held = fragile(cargo_, moves, number)] {}, ours);
      return {};
    });
  }
  oracle_.create(*child, *parent);
  if (written_.wanted()) {
    write(self, made->takes_number ? "takes_number" : "takes_any", made->name);
    write_call(self, "do", made->name + " = greenlet(run_" + made->name + ", " + options() + ")");
  }
  if (child->takes_number) {
    child->handles[0] =
        greenlet([this, child, held = fragile(cargo_, moves, number)](
                     std::uint64_t first) { return be(*child, offshoot::value(first)); },
                 chosen);
  } else {
    child->handles[0] =
        greenlet([this, child, held = fragile(cargo_, moves, number)](
                     offshoot::value first) { return be(*child, std::move(first)); },
                 chosen);
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
  if (written_.wanted())
    write_call(self, "op",
               target.name + (as_throw ? ".throw_in(" : ".switch_to(") + to_code(sent) + ")");
  oracle_.attempt(target, sent);
  operate(self, [&] {
    const greenlet& handle = target.handles[0];
    if (!as_throw) return handle.switch_to(to_value(sent));
    return sent.what == kind::exit_raised ? handle.throw_in()
                                          : handle.throw_in(std::move(sent.error));
  });
}

/// A payload that cannot be moved: the switch is not made (S5).
void world::send_broken(actor& self, actor& target) {
  const std::uint64_t number = ++last_number_;
  oracle_.refuse({kind::broken, number, nullptr});
  if (written_.wanted())
    write_call(self, "op", target.name + ".switch_to(fragile(" + std::to_string(number) + "))");
  operate(self, [&] { return target.handles[0].switch_to(fragile(cargo_, 0, number)); });
}

void world::drop(actor& self, actor& of) {
  const unsigned last = of.handle_count - 1;
  if (written_.wanted()) write_call(self, "do", variable(of, last) + ".reset()");
  oracle_.drop_handle(of);
  of.handle_count = last;
  of.handles[last].reset();
  settle(self, {kind::returned, 0, nullptr});
}

/// Another handle of somebody, or of the current one, or of somebody's parent.
void world::take_handle(actor& self) {
  actor* of = anyone_with_handle();
  std::string from = of->name;
  greenlet taken;
  switch (dice_.below(3)) {
    case 0:
      taken = of->handles[0];
      break;
    case 1:
      of = &self;
      from = "greenlet::current()";
      taken = greenlet::current();
      break;
    default:
      from += ".parent()";
      taken = of->handles[0].parent();
      if (static_cast<bool>(taken) != (of->parent != nullptr)) fail("S17: a parent or none");
      of = static_cast<actor*>(of->parent);
      if (of == nullptr) return;
  }
  if (taken.id() != of->id) fail("a handle of somebody else");
  if (of->handle_count == of->handles.size()) return;  // lets go: it was not the last
  if (written_.wanted()) write_call(self, "do", variable(*of, of->handle_count) + " = " + from);
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
    if (written_.wanted())
      write_call(self, "do", child->name + ".set_parent(" + parent->name + ")");
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

/// Gives handles away, waits until the other threads have dropped them and this one those of
/// another, and looks at what that has left to do here (S22, S24).
void world::meet_others(actor& self) {
  std::vector<gift>& mine = meeting_.given_by(thread_);
  for (std::size_t i = dice_.below(3); i > 0; --i) {
    actor& of = *anyone_with_handle();
    if (&of == main_ || of.handle_count == 0) continue;
    const unsigned last = --of.handle_count;
    mine.push_back({std::move(of.handles[last]), &of, "gift_" + name_of(thread_, ++last_name_)});
    if (written_.wanted())
      write(self, "say", mine.back().name + " = std::move(" + variable(of, last) + ")");
  }
  std::vector<node*> offered;
  for (const gift& each : mine) offered.push_back(each.of);

  std::string dropped;
  meeting_.meet(thread_, [&](std::vector<gift>& theirs) {
    for (gift& each : theirs) {
      if (each.handle.active()) {
        offshoot::value payload(parcel(1));
        try {
          each.handle.switch_to(std::move(payload));
          fail("S24: a switch to another thread");
        } catch (const offshoot::wrong_thread&) {
          if (!payload.has_value()) fail("S24: the payload was touched");
        }
      }
      each.handle.reset();
      dropped += each.name + ".reset(); ";
    }
    theirs.clear();
  });
  if (mine.empty()) {  // not if the one who would take them has ended
    for (node* each : offered) oracle_.drop_afar(*each);
  }
  if (written_.wanted()) {
    write(self, "say", "meet([&] { " + dropped + "})");
    write_call(self, "do", "greenlet::current()");
  }
  oracle_.drain();
  greenlet::current();
  settle(self, {kind::returned, 0, nullptr});
}

void world::drop_everything() {
  std::vector<gift>& mine = meeting_.given_by(thread_);
  while (!mine.empty()) {  // nobody takes them any more
    looked_ = false;
    gift last = std::move(mine.back());
    mine.pop_back();
    if (written_.wanted()) write_call(*main_, "do", last.name + ".reset()");
    oracle_.drop_handle(*last.of);
    last.handle.reset();
    settle(*main_, {kind::returned, 0, nullptr});
  }
  if (told_.threads > 1) write(*main_, "say", "meeting_of_all->arrive_and_drop()");
  meeting_.leave();
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
  write(*main_, "say", stranded.name + " = without_handle(\"" + stranded.name + "\")");
  try {
    send(*main_, stranded, {kind::exit_raised, 0, nullptr}, true);
  } catch (...) {  // settled already
  }
}

/// A call that may let others run. Throws on what came, or takes it.
template <class Call>
void world::operate(actor& self, Call call) {
  try {
    const offshoot::value got = call();
    settle(self, describe(got));
  } catch (...) {
    settle(self, describe_caught());
    const section recorded(*this, self);
    handle_exception(self, false);
  }
}

}  // namespace model
