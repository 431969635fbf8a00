#include <offshoot/hub/channel.hpp>

#include "hub/waiting.hpp"

namespace offshoot {

channel_closed::~channel_closed() = default;

namespace detail {
namespace {

channel_node& as_node(list_hook& hook) noexcept {
  return static_cast<channel_node&>(hook);
}

record& begin_wait(channel_node& node, std::uint32_t place) {
  record& self = scheduler::find()->current_record();
  self.given = false;
  node.who = &self;
  node.place = place;
  return self;
}

}  // namespace

void channel_core::begin() {
  line_.enter().share_turn();
}

void channel_core::require_open() const {
  if (closed_) throw channel_closed();
}

/// Who has been killed, timed out or served elsewhere, and has not run since, is passed over. Whom
/// it returns must be served, or woken to try again.
channel_node* channel_core::first_that_waits(wait_list& line) noexcept {
  while (list_hook* first = line.first()) {
    record& who = *as_node(*first).who;
    if (who.now == record::phase::parked && !who.given && who.rivals.win()) return &as_node(*first);
    first->unlink();
  }
  return nullptr;
}

channel_node* channel_core::first_wish() noexcept {
  return first_that_waits(wishes_);
}

void channel_core::grant(channel_node& wish) noexcept {
  wish.unlink();
  wish.who->chosen = wish.place;
  give_to(*wish.who);
}

void channel_core::let_try_again(channel_node& wish) noexcept {
  if (wish.who->rivals.contested()) scheduler::find()->wake(*wish.who);
}

channel_node* channel_core::first_item() noexcept {
  list_hook* const first = items_.first();
  return first != nullptr ? &as_node(*first) : first_that_waits(senders_);
}

void channel_core::take(channel_node& item) noexcept {
  if (item.who != nullptr) {
    grant(item);
    item.who = nullptr;
    return;
  }
  item.unlink();
  --resting_;
  if (!has_room()) return;
  if (channel_node* next = first_that_waits(senders_)) {
    grant(*next);
    lay_down(*next);
  }
}

void channel_core::lay_down(channel_node& item) noexcept {
  item.who = nullptr;
  items_.push_back(item);
  ++resting_;
}

void channel_core::lay_down_first(channel_node& item) noexcept {
  item.who = nullptr;
  items_.push_front(item);
  ++resting_;
}

channel_core::outcome channel_core::wait(channel_node& node, const char* reason, instant deadline) {
  record& self = *node.who;
  bool woken;
  try {
    woken = scheduler::find()->park(self, reason, deadline);
  } catch (...) {
    if (!self.given) node.unlink();
    throw;
  }
  if (self.given) return outcome::given;
  node.unlink();
  return woken ? outcome::closed : outcome::timed_out;
}

channel_core::outcome channel_core::wait_for_room(channel_node& item, instant deadline) {
  queue_for_room(item, 0);
  return wait(item, "room in a channel", deadline);
}

channel_core::outcome channel_core::wait_for_item(channel_node& wish, instant deadline) {
  queue_for_item(wish, 0);
  return wait(wish, "an item from a channel", deadline);
}

bool channel_core::was_given() noexcept {
  return scheduler::find()->current_record().given;
}

void channel_core::queue_for_room(channel_node& item, std::uint32_t place) {
  begin_wait(item, place);
  senders_.push_back(item);
}

void channel_core::queue_for_item(channel_node& wish, std::uint32_t place) {
  begin_wait(wish, place);
  wishes_.push_back(wish);
}

void channel_core::wake_all(wait_list& line) noexcept {
  while (channel_node* each = first_that_waits(line)) {
    each->unlink();
    scheduler::find()->wake(*each->who);
  }
}

void channel_core::close() noexcept {
  closed_ = true;
  wake_all(wishes_);
  wake_all(senders_);
}

}  // namespace detail
}  // namespace offshoot
