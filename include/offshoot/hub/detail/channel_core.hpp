/// What a channel is apart from the type of its items: who waits, what rests, and who is next.
#pragma once

#include <offshoot/export.hpp>
#include <offshoot/hub/detail/instant.hpp>
#include <offshoot/hub/detail/wait_list.hpp>
#include <offshoot/hub/detail/waiting_line.hpp>

#include <cstddef>
#include <cstdint>

namespace offshoot::detail {

/// An item that rests in a channel or waits for room there, or the wish for one. On the heap. Who
/// waits with it owns it, until it is given: then an item belongs to the channel, or to who took
/// it; a wish that has been granted still belongs to who waited.
struct channel_node : list_hook {
  record* who = nullptr;    ///< waits with it; null: nobody, it rests
  std::uint32_t place = 0;  ///< among the cases of a select
};

class OFFSHOOT_API channel_core {
 public:
  explicit channel_core(std::size_t capacity) noexcept : capacity_(capacity) {}
  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;

  /// Throws `wrong_thread`. Lets others run if the caller has not waited for long.
  void begin();
  /// Throws `wrong_thread`.
  void enter() const { line_.enter(); }
  /// Throws `channel_closed`.
  void require_open() const;

  /// The wish that is to be granted next, or null.
  channel_node* first_wish() noexcept;
  /// Its item has been put in.
  void grant(channel_node& wish) noexcept;
  /// Its item could not be put in: who waits for it tries again.
  void let_try_again(channel_node& wish) noexcept;
  /// The item that is to be taken next, or null.
  channel_node* first_item() noexcept;
  /// Takes it away: it is the caller's. Its sender goes on, and one that waits for room moves up.
  void take(channel_node& item) noexcept;
  /// Whether an item can be put in without waiting, if there is no wish.
  bool has_room() const noexcept { return resting_ < capacity_; }
  /// Lays an item down, behind all others or before them. It is the channel's.
  void lay_down(channel_node& item) noexcept;
  void lay_down_first(channel_node& item) noexcept;

  // Waiting. Of one's own node, which is in no list afterwards.
  enum class outcome : std::uint8_t { given, timed_out, closed };
  /// For room, with an item, or for an item. Throws what a wait throws; `was_given` tells then.
  outcome wait_for_room(channel_node& item, instant deadline);
  outcome wait_for_item(channel_node& wish, instant deadline);
  static bool was_given() noexcept;

  // The same for one of several cases.
  void queue_for_room(channel_node& item, std::uint32_t place);
  void queue_for_item(channel_node& wish, std::uint32_t place);

  /// No more items come. Those that rest can still be taken.
  void close() noexcept;
  bool closed() const noexcept { return closed_; }
  std::size_t size() const noexcept { return resting_; }
  std::size_t capacity() const noexcept { return capacity_; }

 private:
  static channel_node* first_that_waits(wait_list& line) noexcept;
  void wake_all(wait_list& line) noexcept;
  outcome wait(channel_node& node, const char* reason, instant deadline);

  wait_list items_;    ///< that rest
  wait_list senders_;  ///< items that wait for room
  wait_list wishes_;
  std::size_t resting_ = 0;
  std::size_t capacity_;
  bool closed_ = false;
  waiting_line line_;  ///< for whose thread it is
};

}  // namespace offshoot::detail
