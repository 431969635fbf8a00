/// Who is whose parent (S17).
#include <offshoot/errors.hpp>

#include <utility>

#include "core/circle.hpp"
#include "core/switch.hpp"

namespace offshoot {
namespace detail {
namespace {

/// Also by way of the parent that a dying greenlet will have again.
bool is_ancestor_or_self(const control_block* candidate, const control_block* of) noexcept {
  circle<const control_block*> way;
  for (; of != nullptr && of != candidate; of = of->parent_now()) {
    if (of->has(dying) && is_ancestor_or_self(candidate, of->parent_after())) return true;
    if (way.closed_at(of)) return false;
  }
  return of != nullptr;
}

}  // namespace

void set_parent(control_block& child, control_block& parent) {
  if (child.has(main_greenlet)) {
    throw greenlet_error("offshoot: a main greenlet has no parent and cannot be given one");
  }
  if (child.has(dying)) {
    throw greenlet_error("offshoot: " + child.label() +
                         " is being destroyed: its parent is whoever dropped it until it is done");
  }
  if (child.has(borrows_parent)) {
    throw greenlet_error("offshoot: " + child.label() +
                         " is the body of a generator or coroutine: its parent is whoever asks it "
                         "for the next answer");
  }
  if (child.active() && thread_of(child) != thread_state::here()) {
    throw_wrong_thread(&child, "given a parent");
  }
  if (is_ancestor_or_self(&child, &parent)) {
    throw parent_cycle("offshoot: " + parent.label() + " descends from " + child.label() +
                       " and so cannot be its parent");
  }
  const control_block* live = nearest_live(&parent);
  if (child.active() && (live == nullptr || live->serial != child.serial)) {
    throw_wrong_thread(live, "made the parent of a greenlet that has been started");
  }
  if (child.state() == life::unstarted && live != nullptr) child.serial = live->serial;
  parent.add_reference();
  release(std::exchange(child.parent, &parent));
}

void lend_parent(control_block* child, const lent_parent& lender) noexcept {
  control_block* const before = child->parent;
  child->lender = &lender;
  child->set(borrows_parent);
  release(before);
}

void keep_parent(control_block* child) noexcept {
  if (child->has(borrows_parent)) {
    child->parent = child->parent_now();
    child->clear(borrows_parent);
    child->parent->add_reference();
  } else if (child->has(lends_link)) {
    child->link = child->parent_after();
    child->clear(lends_link);
    child->link->add_reference();
  }
}

}  // namespace detail

void greenlet::set_parent(const greenlet& parent) const {
  detail::set_parent(detail::dereference(block_), detail::dereference(parent.block_));
}

}  // namespace offshoot
