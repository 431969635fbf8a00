/// A list of greenlets' records, in order of arrival. Intrusive: a record is in one at a time, and
/// leaves it without knowing which.
#pragma once

namespace offshoot::detail {

/// What makes a record a member of a list.
struct list_hook {
  list_hook() noexcept = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;

  bool linked() const noexcept { return next != this; }
  void unlink() noexcept {
    next->previous = previous;
    previous->next = next;
    next = previous = this;
  }
  /// Puts this one, which is in no list, before `place`.
  void link_before(list_hook& place) noexcept {
    previous = place.previous;
    next = &place;
    previous->next = next->previous = this;
  }

  list_hook* next = this;
  list_hook* previous = this;
};

class wait_list {
 public:
  bool empty() const noexcept { return !ends_.linked(); }
  void push_back(list_hook& member) noexcept { member.link_before(ends_); }
  void push_front(list_hook& member) noexcept { member.link_before(*ends_.next); }
  list_hook* first() noexcept { return empty() ? nullptr : ends_.next; }
  list_hook* last() noexcept { return empty() ? nullptr : ends_.previous; }
  /// The one after `member`, or null.
  list_hook* after(list_hook& member) noexcept {
    return member.next == &ends_ ? nullptr : member.next;
  }

 private:
  list_hook ends_;
};

}  // namespace offshoot::detail
