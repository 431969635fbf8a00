/// The plain model: predicts, by the rules in docs/semantics.md alone, who runs next, with what,
/// who is whose parent, and who exists. Knows no stack and no library call. What is odd: one call
/// of the library may run through several greenlets, or through one's pending drop, before user
/// code runs again; what each of them has still to do then is a list of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "model/message.hpp"

namespace model {

struct node;

/// What a greenlet goes on with inside the library, innermost last.
struct unfinished {
  enum class task : std::uint8_t {
    end_kill,  ///< `other` was thrown an exit: wait for it, and discard what it sends
    deliver,   ///< the drop of an orphan came before this arrival
    attempt,   ///< the drop of the killer came before this switch
    drop,      ///< another thread has dropped a handle of `other`
  } what;
  node* other = nullptr;
  message carried{};
};

enum class life : std::uint8_t { unstarted, active, finished };

struct node {
  virtual ~node() = default;

  std::uint64_t id = 0;
  life state = life::unstarted;
  bool takes_number = false;  ///< its run function takes a number and nothing else
  bool dying = false;         ///< `parent` is its killer until it ends or saves itself
  bool orphan = false;        ///< runs without owners
  bool leaving = false;
  node* parent = nullptr;
  node* link = nullptr;  ///< the real parent of a dying one
  int owners = 0;        ///< handles and children
  int kills = 0;         ///< kills of it that are under way
  std::vector<unfinished> pending;

  bool owned() const noexcept { return owners + kills > 0; }
  bool accepts(const message& first) const noexcept {
    return !takes_number || first.what == kind::number;
  }
};

class oracle {
 public:
  /// Called with each greenlet that control is about to go to.
  struct observer {
    virtual void departure(const node& from, const node& to) = 0;

   protected:
    ~observer() = default;
  };

  /// `planted`: with one rule wrong, for whoever wants to see that found (S12).
  oracle(node& main, observer& watcher, bool planted)
      : main_(&main), watcher_(&watcher), planted_(planted) {
    main.state = life::active;
    current = &main;
  }

  node* current;
  /// Whose user code runs next, and with what.
  node* receiver = nullptr;
  message expected;
  /// Exceptions that nobody can receive, in order, and who threw them.
  std::deque<std::pair<message, node*>> unraisable;
  /// No longer exists, but may have frames until `receiver` runs.
  std::vector<node*> destroyed;

  /// `made`, unstarted, with one handle.
  void create(node& made, node& parent) {
    made.parent = &parent;
    ++parent.owners;
    made.owners = 1;
    returns();
  }

  /// The current one's call throws before anything is done.
  void refuse(message thrown) { expect(*current, std::move(thrown)); }

  void add_handle(node& of) {
    ++of.owners;
    returns();
  }

  void drop_handle(node& of) {
    returns();
    --of.owners;
    release(&of);
  }

  /// Another thread drops a handle: what only this thread can end waits in its queue (S22).
  void drop_afar(node& of) {
    node* who = &of;
    while (who->state != life::active || who->owners + who->kills > 1) {
      --who->owners;
      if (who->owned()) return;
      destroyed.push_back(who);
      who = who->parent;
    }
    queue_.push_back(who);
  }
  /// The current one looks at that queue.
  void drain() {
    node& self = *current;
    for (auto each = queue_.rbegin(); each != queue_.rend(); ++each)
      self.pending.push_back({unfinished::task::drop, *each, {}});
    const bool any = !queue_.empty();
    queue_.clear();
    any ? resume(self) : returns();
  }

  bool may_set_parent(const node& child, const node& parent) const {
    return &child != main_ && !child.dying && !descends(&parent, child);
  }
  void set_parent(node& child, node& parent) {
    returns();
    ++parent.owners;
    node* before = std::exchange(child.parent, &parent);
    --before->owners;
    release(before);
  }

  /// switch_to or throw_in by the current one.
  void attempt(node& target, message sent) {
    node& self = *current;
    if (!self.dying) return go(target, std::move(sent));
    if (self.owners == 0) return expect(self, {kind::exit_raised, 0, nullptr});  // S21
    self.pending.push_back({unfinished::task::attempt, &target, std::move(sent)});
    if (!give_back_parent(self)) resume(self);
  }

  /// The current one's run function ends with this.
  void finish(message result) {
    node& self = *current;
    soften(result);
    node& to = receiver_of(self.parent, result);
    self.leaving = true;
    corpse_ = &self;
    arrive(to, std::move(result));
  }

 private:
  void expect(node& who, message what) {
    receiver = &who;
    expected = std::move(what);
  }
  void returns() { expect(*current, {kind::returned, 0, nullptr}); }

  static void soften(message& what) noexcept {
    if (what.what == kind::exit_raised) what.what = kind::exit_value;
  }

  static bool descends(const node* from, const node& ancestor) {
    for (; from != nullptr; from = from->parent) {
      if (from == &ancestor) return true;
      if (from->dying && descends(from->link, ancestor)) return true;
    }
    return false;
  }

  void go(node& target, message sent) {
    node& self = *current;
    node* to = &target;
    if (sent.what == kind::exit_raised || sent.what == kind::error) {
      if (target.state != life::active) {
        target.state = life::finished;
        soften(sent);
        to = &receiver_of(target.parent, sent);
      }
    } else {
      while (to->state == life::finished) to = to->parent;
      if (to->state == life::unstarted) {
        if (!to->accepts(sent)) return expect(self, {kind::mismatch, 0, nullptr});
        to->state = life::active;
      }
    }
    if (to == &self) return expect(self, std::move(sent));
    leave_behind(self);
    arrive(*to, std::move(sent));
  }

  node& receiver_of(node* first, message& what) {
    if (planted_ && first->state == life::finished) return *main_;
    for (node* to = first;; to = to->parent) {
      if (to->state == life::active) return *to;
      if (to->state == life::finished) continue;
      if (what.raises()) {
        to->state = life::finished;
      } else if (to->accepts(what)) {
        to->state = life::active;
        return *to;
      } else {
        what = {kind::mismatch, 0, nullptr};  // S16; it stays unstarted
      }
    }
  }

  void leave_behind(node& self) {
    if (std::exchange(self.orphan, false)) released_ = &self;
  }

  void arrive(node& to, message what) {
    watcher_->departure(*current, to);
    current = &to;
    if (node* corpse = std::exchange(corpse_, nullptr)) {
      corpse->leaving = false;
      corpse->state = life::finished;
      release(corpse);
    }
    if (node* alone = std::exchange(released_, nullptr); alone != nullptr && !alone->owned()) {
      to.pending.push_back({unfinished::task::deliver, nullptr, std::move(what)});
      return kill(*alone);
    }
    receive(to, std::move(what));
  }

  /// `what` has come to `self`, which may be amidst a kill.
  void receive(node& self, message what) {
    if (self.pending.empty()) return expect(self, std::move(what));
    node& victim = *self.pending.back().other;
    self.pending.pop_back();
    if (what.raises()) unraisable.emplace_back(std::move(what), &victim);
    if (victim.dying) give_back_parent(victim);
    --victim.kills;
    if (!release(&victim)) resume(self);
  }

  /// A drop has ended in which `self` was.
  void resume(node& self) {
    if (self.pending.empty()) return returns();
    unfinished next = std::move(self.pending.back());
    self.pending.pop_back();
    if (next.what == unfinished::task::attempt) return go(*next.other, std::move(next.carried));
    if (next.what == unfinished::task::drop) {
      --next.other->owners;
      if (!release(next.other)) resume(self);
      return;
    }
    receive(self, std::move(next.carried));
  }

  /// Somebody has ceased to own it. True if that sent control elsewhere.
  bool release(node* who) {
    while (!who->owned()) {
      if (who == main_ || who->leaving) return false;
      if (who->state == life::active) {
        if (who == current) {
          who->orphan = true;
          return false;
        }
        kill(*who);
        return true;
      }
      destroyed.push_back(who);
      who = who->parent;
      --who->owners;
    }
    return false;
  }

  void kill(node& victim) {
    node& self = *current;
    ++victim.kills;
    victim.link = std::exchange(victim.parent, &self);
    ++self.owners;
    victim.dying = true;
    self.pending.push_back({unfinished::task::end_kill, &victim, {}});
    leave_behind(self);
    arrive(victim, {kind::exit_raised, 0, nullptr});
  }

  bool give_back_parent(node& victim) {
    victim.dying = false;
    node* killer = std::exchange(victim.parent, std::exchange(victim.link, nullptr));
    --killer->owners;
    return release(killer);
  }

  node* main_;
  observer* watcher_;
  bool planted_;
  std::vector<node*> queue_;
  node* corpse_ = nullptr;
  node* released_ = nullptr;
};

}  // namespace model
